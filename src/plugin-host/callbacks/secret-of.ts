import { type BindingSecrets, holderOf } from './binding-secrets.ts';
import { type CallRecord, configOf, type Guest } from './call-records.ts';
import { originsOf } from './origins.ts';
import { isMap } from './params.ts';

/**
 * The value of a secret field, for the configuration that a call is about.
 *
 * @param field its path in the configuration, `auth/token`, or a credential's name
 * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED`
 */
export async function secretOf(
  secrets: BindingSecrets,
  record: CallRecord,
  field: string,
): Promise<string | undefined> {
  const { guest, binding, overlay } = record;
  const given = overlay && (overlay.credentials[field] ?? valueAt(overlay.config, field));
  if (typeof given === 'string') return given;
  const name = nameIn(given) ?? secretNameOf(record, field);
  // By where the call's own configuration leads: a stored secret goes to no host that is only tried.
  const origins = originsOf(configOf(record));
  return await secrets.read(guest.org, binding, { field, name, plugin: holderIn(guest), origins });
}

export const holderIn = ({ source, manifest }: Guest): string => holderOf(source, manifest.id);

/** What git says there: `{secretRef: <name>}`. */
export const secretNameOf = ({ binding }: Pick<CallRecord, 'binding'>, field: string) =>
  nameIn(ownIn(binding.credentials, field)) ?? nameIn(valueAt(binding.config, field));

function nameIn(value: unknown): string | undefined {
  const name = isMap(value) ? value['secretRef'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** By a path of names, with or without its first slash. */
export const valueAt = (config: unknown, path: string): unknown =>
  path
    .replace(/^\//, '')
    .split('/')
    .reduce((at, name) => ownIn(at, name.replaceAll('~1', '/').replaceAll('~0', '~')), config);

const ownIn = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
