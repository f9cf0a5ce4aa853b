import type { Committing, EditResult } from '../changes/commit-edit.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import { pluginOfType } from '../registry/builtin-plugins.ts';
import { changedMetadata, type MetadataChange } from '../registry/metadata.ts';
import type { JsonSchema } from '../registry/server-manifest/manifest.ts';
import { findSecretValues } from '../registry/server-manifest/secret-values.ts';
import { type BindingEntry, placeOf } from './binding-place.ts';
import { originsOf } from './callbacks/origins.ts';
import { checkEndpoints } from './check-endpoints.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import { type Config, MASK, maskSecrets, withReferences } from './contract/secrets-in-config.ts';
import { dependentsOfIntegration } from './dependents.ts';
import { findIntegrationType, type IntegrationType } from './integration-types.ts';
import type { PluginHost } from './plugin-host.ts';
import { type BindingWriteDeps, writeBinding } from './write-binding.ts';
import { faultsIn } from './written-binding.ts';

export interface IntegrationWriteDeps extends BindingWriteDeps {
  plugins: BindingWriteDeps['plugins'] & Pick<PluginHost, 'plugins'>;
  schemas: Pick<SchemaChecker, 'check'>;
  outbound: OutboundPolicy;
}

/** What somebody wants of an integration. What is not given stays. */
export interface IntegrationChange extends MetadataChange {
  enabled?: boolean;
  /** Whole. */
  config?: Config;
  /** By field: a text, `***` for the one that stays, a `{secretRef}`, or null to take it away. */
  credentials?: Config;
}

export interface NewIntegration extends IntegrationChange {
  name: string;
  type: string;
}

/**
 * @throws {WaymarkError} `VAL_FAILED`, `RES_DUPLICATE`, `PLG_DISABLED`,
 *   `INT_ENDPOINT_REFUSED`, and as `writeBinding`
 */
export async function createIntegration(
  deps: IntegrationWriteDeps,
  committing: Committing,
  { name, type, ...wanted }: NewIntegration,
): Promise<EditResult> {
  const known = getType(deps, committing, type);
  checkOn(deps, committing, known);
  const { enabled = true, config = {} } = wanted;
  const credentials = mergedCredentials(undefined, wanted.credentials);
  await checkIntegration(deps, committing, known, { config, credentials });
  return await writeBinding(deps, committing, {
    ref: { scope: 'integration', id: name },
    pluginId: known.pluginId,
    type,
    message: `Add the integration ${name}`,
    next(before) {
      if (before)
        throw new WaymarkError('RES_DUPLICATE', `there is an integration ${name} already`);
      const metadata = changedMetadata(name, undefined, wanted);
      return {
        ...(metadata && { metadata }),
        type,
        enabled,
        config,
        ...(credentials && { credentials }),
      };
    },
  });
}

/**
 * @param check throws where what is there is not what the caller has seen
 * @throws {WaymarkError} `RES_NOT_FOUND`, `VAL_FAILED`, `INT_CREDENTIALS_REQUIRED`,
 *   `INT_ENDPOINT_REFUSED`, and as `writeBinding`
 */
export async function changeIntegration(
  deps: IntegrationWriteDeps,
  committing: Committing,
  name: string,
  change: IntegrationChange,
  check: (before: BindingEntry) => void,
): Promise<EditResult> {
  const ref = { scope: 'integration', id: name } as const;
  const { entry } = placeOf(committing.runtime.view.published, ref);
  const now = getEntry(entry, name);
  check(now);
  const type = String(now['type']);
  await checkChange(deps, committing, { name, type, now, change });
  return await writeBinding(deps, committing, {
    ref,
    pluginId: pluginOfType(type),
    type,
    message: `Change the integration ${name}`,
    isResuming: change.enabled === true,
    next(before) {
      const current = getEntry(before, name);
      check(current);
      if (change.config) {
        checkKept(getType(deps, committing, type).configSchema, current, change);
      }
      return entryAfter(name, current, change);
    },
  });
}

interface OfChange {
  name: string;
  type: string;
  now: BindingEntry;
  change: IntegrationChange;
}

/** Whoever only switches one off is not kept from it by a plugin that cannot even be read. */
async function checkChange(
  deps: IntegrationWriteDeps,
  committing: Committing,
  { name, type, now, change }: OfChange,
): Promise<void> {
  const { enabled, config, credentials } = change;
  if (!enabled && !config && !credentials) return;
  const known = getType(deps, committing, type);
  if (enabled) checkOn(deps, committing, known);
  if (config || credentials) {
    await checkIntegration(deps, committing, known, entryAfter(name, now, change));
  }
}

/** @throws {WaymarkError} `RES_NOT_FOUND`, `RES_IN_USE`, and as `writeBinding` */
export async function removeIntegration(
  deps: BindingWriteDeps,
  committing: Committing,
  name: string,
  check: (before: BindingEntry) => void,
): Promise<EditResult> {
  return await writeBinding(deps, committing, {
    ref: { scope: 'integration', id: name },
    pluginId: '',
    message: `Remove the integration ${name}`,
    next(before) {
      check(getEntry(before, name));
      const { config } = committing.runtime.view.published;
      const dependents = dependentsOfIntegration(config, name);
      if (dependents.length === 0) return undefined;
      const message = `${name} is used by ${dependents.map(({ path }) => path).join(', ')}`;
      throw new WaymarkError('RES_IN_USE', message, { details: { dependents } });
    },
  });
}

export const noSuchIntegration = (name: string): WaymarkError =>
  new WaymarkError('RES_NOT_FOUND', `there is no integration ${name}`);

function getEntry(entry: BindingEntry | undefined, name: string): BindingEntry {
  if (entry) return entry;
  throw noSuchIntegration(name);
}

function getType(
  { plugins }: Pick<IntegrationWriteDeps, 'plugins'>,
  { runtime }: Committing,
  id: string,
): IntegrationType {
  const type = findIntegrationType(plugins, runtime.org.slug, id);
  if (type) return type;
  throw invalidField('type', `no integration type is named ${id}`, 'unknown');
}

function checkOn(
  { plugins }: Pick<IntegrationWriteDeps, 'plugins'>,
  { runtime }: Committing,
  { pluginId }: IntegrationType,
): void {
  if (plugins.find(runtime.org.slug, pluginId)?.isEnabled) return;
  const message = `the organisation has ${pluginId} switched off: enable it first`;
  throw new WaymarkError('PLG_DISABLED', message);
}

/** What of an integration is to be judged beside its configuration by itself. */
async function checkIntegration(
  { schemas, outbound, plugins }: IntegrationWriteDeps,
  { runtime }: Committing,
  { secretsSchema, pluginId }: IntegrationType,
  { config, credentials }: Pick<BindingEntry, 'config'> & { credentials?: Config | undefined },
): Promise<void> {
  await checkCredentials(schemas, secretsSchema, credentials);
  const manifest = plugins.find(runtime.org.slug, pluginId)?.manifest;
  await checkEndpoints({ ...config, ...credentials }, manifest?.permissions, outbound);
}

/** @throws {WaymarkError} `VAL_FAILED` */
export async function checkCredentials(
  schemas: Pick<SchemaChecker, 'check'>,
  schema: JsonSchema | null,
  credentials: Config = {},
): Promise<void> {
  if (!schema) return;
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, object>);
  const secret = properties.map(([name, part]) => [name, { ...part, writeOnly: true }]);
  const whole = { ...schema, properties: Object.fromEntries(secret) };
  const shown = Object.entries(credentials).map(([field, value]) => [
    field,
    value === MASK ? { secretRef: 'kept' } : value,
  ]);
  const verdict = await schemas.check(withReferences(whole), Object.fromEntries(shown));
  if (verdict.isValid) return;
  const errors = verdict.errors.map(({ field, message }) => ({
    field: `/credentials${field}`,
    message,
  }));
  throw faultsIn(errors, 'config');
}

/** By field; undefined of none. */
export function mergedCredentials(before: Config = {}, given: Config = {}): Config | undefined {
  const all = Object.entries({ ...before, ...given }).filter(([, value]) => value !== null);
  return all.length > 0 ? Object.fromEntries(all) : undefined;
}

function entryAfter(
  name: string,
  { credentials: kept, metadata: said, ...before }: BindingEntry,
  { enabled, config, credentials, ...change }: IntegrationChange,
): BindingEntry {
  const merged = mergedCredentials(kept, credentials);
  const metadata = changedMetadata(name, said, change);
  return {
    ...before,
    ...(enabled !== undefined && { enabled }),
    ...(config && { config }),
    ...(merged && { credentials: merged }),
    ...(metadata && { metadata }),
  };
}

/**
 * No secret that is stored goes to a host that it was not given for, whoever asks
 * for it: each is given anew.
 *
 * @throws {WaymarkError} `INT_CREDENTIALS_REQUIRED`
 */
function checkKept(
  schema: JsonSchema,
  before: BindingEntry,
  { config, credentials = {} }: IntegrationChange,
): void {
  if (!config) return;
  const known = originsOf(maskSecrets(schema, before.config ?? {}));
  const isElsewhere = originsOf(maskSecrets(schema, config)).some((one) => !known.includes(one));
  if (!isElsewhere) return;
  const kept = Object.keys(before.credentials ?? {}).filter(
    (field) => !Object.hasOwn(credentials, field) || credentials[field] === MASK,
  );
  const masked = findSecretValues(schema, config).filter(({ value }) => value === MASK);
  const fields = [...kept, ...masked.map(({ pointer }) => pointer.join('/'))];
  if (fields.length === 0) return;
  const message = `${fields.join(', ')}: not given for this address: give the credentials anew`;
  throw new WaymarkError('INT_CREDENTIALS_REQUIRED', message, { details: { fields } });
}
