import { invalidField, WaymarkError } from '../../model/errors.ts';
import type { JsonSchema } from '../../registry/server-manifest/manifest.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import { type CallRecord, checkGranted } from './call-records.ts';
import { originsOf } from './origins.ts';
import { isMap, type Params, textIn } from './params.ts';
import { resolvePlaceholders } from './placeholders.ts';
import { pureCallbacks } from './pure.ts';
import { secretNameOf, secretOf, valueAt } from './secret-of.ts';

export interface SecretDeps {
  secrets: BindingSecrets;
  /** What is wrong with a value by its schema. */
  checkValue(schema: JsonSchema, value: unknown): Promise<readonly { message: string }[]>;
}

/** The secrets of the binding that a call is for, by field: those that the plugin was granted. */
export function secretCallbacks(deps: SecretDeps) {
  const get = async (record: CallRecord, params: Params) => {
    const field = fieldIn(record, params);
    return { value: (await secretOf(deps.secrets, record, field)) ?? null };
  };

  const set = async (record: CallRecord, params: Params) => {
    const field = fieldIn(record, params);
    const value = textIn(params, 'value');
    const { guest, binding, requestId } = record;
    const schema = writableSchema(record, field);
    const [wrong] = await deps.checkValue(schema, value);
    // By the schema's words, which never hold the value.
    if (wrong) throw invalidField(field, wrong.message);
    const name = secretNameOf(record, field);
    const use = { field, name, origins: originsOf(binding.config) };
    const acting = { actor: `plugin:${guest.manifest.id}`, requestId };
    await deps.secrets.overwrite(guest.org, binding, use, value, acting);
    return {};
  };

  const list = async ({ grants }: CallRecord) => ({
    names: [...grants]
      .filter((grant) => grant.startsWith('secrets:'))
      .map((grant) => grant.slice('secrets:'.length))
      .sort(),
  });

  const hmac = async (record: CallRecord, params: Params) => {
    const key = await resolvePlaceholders(textIn(params, 'key'), record, deps.secrets);
    return pureCallbacks['host.crypto.hmac']({ ...params, key });
  };

  return {
    'host.secret.get': get,
    'host.secret.set': set,
    'host.secret.list': list,
    'host.auth.get': get,
    'host.auth.save': set,
    'host.auth.list': list,
    'host.crypto.hmac': hmac,
  };
}

function fieldIn(record: CallRecord, params: Params): string {
  const field = textIn(params, 'name', 256);
  checkGranted(record, `secrets:${field}`);
  return field;
}

/** Of a field that the plugin may write. */
function writableSchema({ guest, binding, overlay }: CallRecord, field: string): JsonSchema {
  const { manifest } = guest;
  const type = manifest.integrationTypes.find(({ name }) => isType(binding.type, name));
  const roots = [type?.secretsSchema, type?.configSchema, manifest.configSchema];
  const place = `properties/${field.replace(/^\//, '').replaceAll('/', '/properties/')}`;
  const schema = roots.map((root) => valueAt(root, place)).find(isMap);
  if (schema?.['x-writable'] === true && !overlay) return schema;
  const message = `${field} is no field that a plugin may write`;
  throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
}

/** `<plugin>.<name>`, or a built-in's own, which is named whole. */
const isType = (type: string | undefined, name: string): boolean =>
  type === name || type?.endsWith(`.${name}`) === true;
