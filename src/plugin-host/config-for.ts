import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import type { BindingSecrets } from './callbacks/binding-secrets.ts';
import { type CallRecord, configOf, type Guest } from './callbacks/call-records.ts';
import { secretOf } from './callbacks/secret-of.ts';
import { configSchemaOf } from './config-schema.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import { type Config, resolveConfig, withReferences } from './contract/secrets-in-config.ts';

/**
 * What a guest sees of the configuration that a call is about: with the schema's
 * defaults, and an integration's with its credentials; of secrets those that it
 * was granted, and of the others `secret:<field>`.
 *
 * @throws {WaymarkError} `VAL_FAILED` where it does not suit the schema,
 *   `INT_CREDENTIALS_REQUIRED` where it leads to another place than its secrets
 *   were given for
 */
export type ConfigFor = (record: CallRecord) => Promise<Config>;

interface ConfigDeps {
  secrets: BindingSecrets;
  schemas: Pick<SchemaChecker, 'check'>;
}

export function configForBy({ secrets, schemas }: ConfigDeps): ConfigFor {
  const known = new WeakMap<Guest, Map<string, Promise<Config>>>();

  async function complete(record: CallRecord): Promise<Config> {
    const { guest, binding } = record;
    const schema = configSchemaOf(guest.manifest, binding.type);
    const config = configOf(record);
    if (!schema) return config;
    const verdict = await schemas.check(withReferences(schema), config);
    if (verdict.isValid) return verdict.value as Config;
    throw unsuitable(binding, verdict.errors[0]);
  }

  /** Once for each configuration: a check takes a worker's time. */
  function completed(record: CallRecord): Promise<Config> {
    const { guest, binding, overlay } = record;
    if (overlay) return complete(record);
    const ofGuest = known.get(guest) ?? new Map<string, Promise<Config>>();
    known.set(guest, ofGuest);
    const key = `${binding.scope} ${binding.id} ${binding.configDigest}`;
    const config = ofGuest.get(key) ?? complete(record);
    ofGuest.set(key, config);
    config.catch(() => ofGuest.delete(key));
    return config;
  }

  return async (record) => {
    const { guest, binding, overlay } = record;
    const granted = guest.manifest.permissions.secrets ?? [];
    const read = (field: string) => secretOf(secrets, record, field);
    const schema = configSchemaOf(guest.manifest, binding.type) ?? {};
    const config = await resolveConfig(schema, await completed(record), { granted, read });
    const fields = Object.keys({ ...binding.credentials, ...overlay?.credentials });
    const credentials = await Promise.all(
      fields.map(async (field) => {
        const value = granted.includes(field) ? await read(field) : `secret:${field}`;
        return [field, value] as const;
      }),
    );
    return { ...config, ...Object.fromEntries(credentials) };
  };
}

function unsuitable({ path }: Binding, error?: { field: string; message: string }): WaymarkError {
  const what = error ? `: ${error.field} ${error.message}` : '';
  return new WaymarkError('VAL_FAILED', `the configuration in ${path} is not valid${what}`);
}
