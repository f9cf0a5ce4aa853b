import type { BindingSecrets } from './callbacks/binding-secrets.ts';
import { type CallRecord, configOf } from './callbacks/call-records.ts';
import { secretOf } from './callbacks/secret-of.ts';
import { configSchemaOf } from './config-schema.ts';
import { type Config, resolveConfig } from './contract/secrets-in-config.ts';

/**
 * What a guest sees of the configuration that a call is about: an integration's
 * with its credentials; of secrets those that it was granted, and of the others
 * `secret:<field>`.
 *
 * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED` where it leads to another
 *   place than its secrets were given for
 */
export type ConfigFor = (record: CallRecord) => Promise<Config>;

export const configForBy =
  (secrets: BindingSecrets): ConfigFor =>
  async (record) => {
    const { guest, binding, overlay } = record;
    const granted = guest.manifest.permissions.secrets ?? [];
    const read = (field: string) => secretOf(secrets, record, field);
    const schema = configSchemaOf(guest.manifest, binding.type) ?? {};
    const config = await resolveConfig(schema, configOf(record), { granted, read });
    const fields = Object.keys({ ...binding.credentials, ...overlay?.credentials });
    const credentials = await Promise.all(
      fields.map(async (field) => {
        const value = granted.includes(field) ? await read(field) : `secret:${field}`;
        return [field, value] as const;
      }),
    );
    return { ...config, ...Object.fromEntries(credentials) };
  };
