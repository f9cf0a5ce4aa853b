import { isDeepStrictEqual } from 'node:util';
import { type ValidationError, WaymarkError } from '../model/errors.ts';
import type { BindingEntry } from './binding-place.ts';
import { holderOf } from './callbacks/binding-secrets.ts';
import { originsOf } from './callbacks/origins.ts';
import { configSchemaOf } from './config-schema.ts';
import type { ConfigError } from './contract/read-lifecycle.ts';
import { type Config, type TakenSecrets, takeSecrets } from './contract/secrets-in-config.ts';
import type { BindingRef } from './contract/wire.ts';
import type { PluginHost } from './plugin-host.ts';

/** A binding as somebody wrote it, its secrets apart. */
export interface WrittenBinding {
  config: TakenSecrets;
  credentials: TakenSecrets;
  /** `holderOf` its secrets. */
  plugin: string;
  /** Where its configuration leads. */
  origins: readonly string[];
}

export interface WrittenOf {
  org: string;
  ref: BindingRef;
  pluginId: string;
  /** Of an integration's. */
  type?: string | undefined;
}

/** Whatever stands in an integration's credentials is secret. */
const CREDENTIALS = { additionalProperties: { writeOnly: true } };

/**
 * Judges a binding as it would be, whole, before anything of it is written.
 *
 * @throws {WaymarkError} `VAL_FAILED` with a JSON pointer into `config` for each
 *   fault, `PLG_NOT_FOUND`, `PLG_SCHEMA_TIMEOUT`, and what the plugin's check throws
 */
export async function judgeWritten(
  host: Pick<PluginHost, 'find' | 'checkConfig'>,
  { org, ref, pluginId, type }: WrittenOf,
  { before, next }: { before: BindingEntry | undefined; next: BindingEntry },
): Promise<WrittenBinding> {
  const plugin = host.find(org, pluginId);
  if (!plugin) throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}`);
  const schema = configSchemaOf(plugin.manifest, type) ?? {};
  const config = takeSecrets(schema, next.config ?? {}, before?.config);
  const credentials = takeSecrets(CREDENTIALS, next.credentials ?? {}, before?.credentials);
  const ofCredentials = credentials.errors.map(({ field, message }) => ({
    field: `/credentials${field}`,
    message,
  }));
  checkFaults([...config.errors, ...ofCredentials]);
  if (isConfigured(ref, next) && isToRun(before, next)) {
    const check = await host.checkConfig(org, pluginId, ref.scope, config.config, type);
    if (!check.isValid) checkFaults(check.errors);
  }
  // A secret may be an address itself, which is nobody's to read: it leads nowhere.
  const origins = originsOf(config.withNames(new Map([...config.secrets.keys()].map(unnamed))));
  return { config, credentials, plugin: holderOf(plugin.source, pluginId), origins };
}

const unnamed = (field: string): [string, string] => [field, ''];

/** An org that gives a plugin no configuration has it on for its namespaces and integrations. */
const isConfigured = ({ scope }: BindingRef, { config }: BindingEntry): boolean =>
  scope !== 'org' || config !== undefined;

/** Whoever switches a plugin off that fails is not to be kept from it by that plugin. */
function isToRun(before: BindingEntry | undefined, next: BindingEntry): boolean {
  const isSame = (field: 'config' | 'credentials') =>
    isDeepStrictEqual(before?.[field] ?? {}, next[field] ?? {});
  if (before === undefined || !isSame('config') || !isSame('credentials')) return true;
  return isOn(next) && !isOn(before);
}

export const isOn = (entry: BindingEntry | undefined): boolean =>
  entry !== undefined && (entry.enabled ?? true);

function checkFaults(errors: readonly ConfigError[]): void {
  if (errors.length > 0) throw faultsIn(errors, 'config');
}

/** @param of what the pointers lead into */
export function faultsIn(errors: readonly ConfigError[], of: 'config' | 'arguments'): WaymarkError {
  const validationErrors = errors.map(
    ({ field, message }): ValidationError => ({ field, message, code: of }),
  );
  const message = errors.map(({ field, message: why }) => `${field} ${why}`.trim()).join('; ');
  return new WaymarkError('VAL_FAILED', message, { validationErrors });
}

/** As it goes to git. @param names of the secrets that were stored, by field */
export function entryWith(
  next: BindingEntry,
  { config, credentials }: WrittenBinding,
  names: { config: ReadonlyMap<string, string>; credentials: ReadonlyMap<string, string> },
): BindingEntry {
  const named = (taken: TakenSecrets, of: ReadonlyMap<string, string>): Config =>
    taken.withNames(of);
  return {
    ...next,
    ...(next.config && { config: named(config, names.config) }),
    ...(next.credentials && { credentials: named(credentials, names.credentials) }),
  };
}
