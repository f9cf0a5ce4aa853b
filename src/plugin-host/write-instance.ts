import type { Committing, EditResult } from '../changes/commit-edit.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { BindingEntry } from './binding-place.ts';
import type { BindingRef } from './contract/wire.ts';
import { checkPluginUnused } from './enable-plugin.ts';
import { integrationTypes } from './integration-types.ts';
import { type BindingChange, writeBinding } from './write-binding.ts';
import {
  changeIntegration,
  createIntegration,
  type IntegrationChange,
  type IntegrationWriteDeps,
  removeIntegration,
} from './write-integration.ts';
import { isOn } from './written-binding.ts';

/** What is not given stays; what is not of `enabled` and `config` is an integration's alone. */
export type InstanceChange = IntegrationChange;

export interface NewInstance extends InstanceChange {
  pluginId: string;
  /** An integration when not given. */
  scope?: BindingRef['scope'];
  /** Of an integration. */
  name?: string;
  /** Of an integration; that of its plugin where there is only one. */
  type?: string;
  namespaceId?: string;
}

/** Throws where what is there is not what the caller has seen. */
type Check = (before: BindingEntry) => void;

export interface Added {
  ref: BindingRef;
  result: EditResult;
}

/** @throws {WaymarkError} `VAL_FAILED`, `PLG_NOT_FOUND`, `PLG_DISABLED`, `RES_DUPLICATE`, and as `writeBinding` */
export async function addInstance(
  deps: IntegrationWriteDeps,
  committing: Committing,
  wanted: NewInstance,
): Promise<Added> {
  const { pluginId, scope = 'integration', namespaceId } = wanted;
  const plugin = deps.plugins.find(committing.runtime.org.slug, pluginId);
  if (!plugin) throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}`);
  if (scope === 'integration') return await addIntegration(deps, committing, wanted);
  checkOfBinding(wanted);
  if (!plugin.isEnabled) {
    const message = `the organisation has ${pluginId} switched off: enable it first`;
    throw new WaymarkError('PLG_DISABLED', message);
  }
  const ref = { scope, id: scope === 'org' ? pluginId : `${namespaceId}.${pluginId}` };
  const { enabled = true, config = {} } = wanted;
  const change: BindingChange = {
    ref,
    pluginId,
    message: `Bind ${pluginId}${scope === 'org' ? '' : ` to ${namespaceId}`}`,
    next(before) {
      // An org has what it enables: it is bound once it is configured.
      const isBound = scope === 'org' ? before?.config !== undefined : before !== undefined;
      if (isBound) throw new WaymarkError('RES_DUPLICATE', `${ref.id} is bound already`);
      return scope === 'org' ? { ...before, config } : { enabled, config };
    },
  };
  return { ref, result: await writeBinding(deps, committing, change) };
}

async function addIntegration(
  deps: IntegrationWriteDeps,
  committing: Committing,
  { pluginId, name, type, ...given }: NewInstance,
): Promise<Added> {
  if (name === undefined) throw invalidField('name', 'an integration has one', 'required');
  const { slug } = committing.runtime.org;
  const types = integrationTypes(deps.plugins, slug).filter((one) => one.pluginId === pluginId);
  const known = type === undefined && types.length === 1 ? types[0]!.id : type;
  if (!types.some(({ id }) => id === known)) {
    const names = types.map(({ id }) => id).join(', ');
    throw invalidField('type', names === '' ? `${pluginId} has none` : `must be one of ${names}`);
  }
  const result = await createIntegration(deps, committing, { name, type: known!, ...given });
  return { ref: { scope: 'integration', id: name }, result };
}

/** @throws {WaymarkError} `RES_NOT_FOUND`, `RES_IN_USE`, `RES_STATE_CONFLICT`, and as `changeIntegration` */
export async function changeInstance(
  deps: IntegrationWriteDeps,
  committing: Committing,
  { scope, id, pluginId }: BindingRef & { pluginId: string },
  change: InstanceChange,
  check: Check,
): Promise<EditResult> {
  if (scope === 'integration') {
    return await changeIntegration(deps, committing, id, change, check);
  }
  checkOfBinding(change);
  const { enabled, config } = change;
  if (scope === 'org' && enabled === false) checkPluginUnused(committing.runtime, id);
  return await writeBinding(deps, committing, {
    ref: { scope, id },
    pluginId,
    message: `Change ${id}`,
    isResuming: enabled === true,
    next(entry) {
      const before = getEntry(entry, id);
      check(before);
      // What it asks for has to be granted first.
      if (scope === 'org' && enabled && !isOn(before)) throw notByThis(id);
      return { ...before, ...(enabled !== undefined && { enabled }), ...(config && { config }) };
    },
  });
}

/**
 * Of the org it is the plugin itself that is switched off.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`, `RES_IN_USE`, and as `writeBinding`
 */
export async function removeInstance(
  deps: IntegrationWriteDeps,
  committing: Committing,
  { scope, id, pluginId }: BindingRef & { pluginId: string },
  check: Check,
): Promise<EditResult> {
  if (scope === 'integration') return await removeIntegration(deps, committing, id, check);
  if (scope === 'org') checkPluginUnused(committing.runtime, id);
  return await writeBinding(deps, committing, {
    ref: { scope, id },
    pluginId,
    message: `Remove ${id}`,
    next(entry) {
      check(getEntry(entry, id));
      return undefined;
    },
  });
}

function getEntry(entry: BindingEntry | undefined, id: string): BindingEntry {
  if (entry) return entry;
  throw new WaymarkError('RES_NOT_FOUND', `there is no plugin instance ${id}`);
}

const OF_INTEGRATIONS = ['credentials', 'displayName', 'description', 'labels'] as const;

/** What has a document to itself says more. */
function checkOfBinding(change: InstanceChange): void {
  const field = OF_INTEGRATIONS.find((one) => change[one] !== undefined);
  if (field) throw invalidField(field, 'only an integration has any', 'unknown');
}

function notByThis(id: string): WaymarkError {
  const message = `${id} is off: enable it by POST /plugins/${id}/enable`;
  const details = { current: 'disabled', allowed: ['enabled'] };
  return new WaymarkError('RES_STATE_CONFLICT', message, { details });
}
