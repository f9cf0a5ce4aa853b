import { invalidField, WaymarkError } from '../../model/errors.ts';
import type { JsonSchema } from '../../registry/server-manifest/manifest.ts';
import { isNamedField } from '../../registry/server-manifest/secret-fields.ts';
import { configSchemaOf, integrationTypeOf } from '../config-schema.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import { type CallRecord, notGranted } from './call-records.ts';
import { originsOf } from './origins.ts';
import { isMap, type Params, textIn } from './params.ts';
import { isPlaceholder, resolvePlaceholders } from './placeholders.ts';
import { answerPure } from './pure.ts';
import { holderIn, secretNameOf, secretOf, valueAt } from './secret-of.ts';

const SECRETS = 'secrets:';

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
    const origins = originsOf(binding.config);
    const use = { field, name, plugin: holderIn(guest), origins };
    const acting = { actor: `plugin:${guest.manifest.id}`, requestId };
    await deps.secrets.overwrite(guest.org, binding, use, value, acting);
    return {};
  };

  const list = async (record: CallRecord) => ({ names: grantedFields(record).sort() });

  const hmac = async (record: CallRecord, params: Params) => {
    const given = textIn(params, 'key');
    // Whole: another key may well have such words in it.
    const key = isPlaceholder(given)
      ? await resolvePlaceholders(given, record, deps.secrets)
      : given;
    return answerPure('host.crypto.hmac', { ...params, key });
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

// Fields, and patterns of them such as `hooks/*/token`.
const grantedFields = ({ grants }: CallRecord): string[] =>
  [...grants].flatMap((grant) => (grant.startsWith(SECRETS) ? [grant.slice(SECRETS.length)] : []));

function fieldIn(record: CallRecord, params: Params): string {
  const field = textIn(params, 'name', 256);
  if (isNamedField(grantedFields(record), field)) return field;
  throw notGranted(SECRETS + field);
}

/** Of a field that the plugin may write. */
function writableSchema({ guest, binding, overlay }: CallRecord, field: string): JsonSchema {
  const { manifest } = guest;
  const { type } = binding;
  const roots = [integrationTypeOf(manifest, type)?.secretsSchema, configSchemaOf(manifest, type)];
  const place = `properties/${field.replace(/^\//, '').replaceAll('/', '/properties/')}`;
  const schema = roots.map((root) => valueAt(root, place)).find(isMap);
  if (schema?.['x-writable'] === true && !overlay) return schema;
  const message = `${field} is no field that a plugin may write`;
  throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
}
