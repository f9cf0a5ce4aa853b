import { randomBytes } from 'node:crypto';
import type { Caller } from '../../src/identity/caller.ts';
import { parseAllowList } from '../../src/outbound/address.ts';
import type { Lookup } from '../../src/outbound/guard.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { createBindingSecrets } from '../../src/plugin-host/callbacks/binding-secrets.ts';
import {
  type CallRecord,
  createCallRecords,
  type Guest,
} from '../../src/plugin-host/callbacks/call-records.ts';
import { type CallbackDeps, createCallbacks } from '../../src/plugin-host/callbacks/callbacks.ts';
import { requestedBy } from '../../src/plugin-host/permissions.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import type { PluginManifest } from '../../src/registry/server-manifest/manifest.ts';
import { createVault } from '../../src/secrets/vault.ts';
import { createMasterKey } from '../../src/signing/master-key.ts';
import { createMemoryStores } from './fakes/memory-stores.ts';
import { makeEntry, makeOrg } from './records.ts';

export const acting = { actor: 'user:ada', requestId: 'request-1' };

export const makeGuest = (
  manifest: Partial<PluginManifest> = {},
  part: Partial<Guest> = {},
): Guest => ({
  org: 'acme',
  source: 'host',
  version: '1.0.0',
  hasNetwork: true,
  ...part,
  manifest: {
    id: 'example',
    displayName: 'Example',
    author: 'Acme',
    repository: '',
    category: 'automation',
    schemaVersion: 1,
    runtime: 'sandbox',
    entry: 'index.js',
    capabilities: new Set(),
    hooks: [],
    permissions: {},
    apiRoutes: [],
    integrationTypes: [],
    gates: [],
    stepTypes: [],
    tools: [],
    limits: {},
    ...manifest,
  },
});

export interface OpenedCall {
  manifest?: Partial<PluginManifest>;
  guest?: Partial<Guest>;
  binding?: Partial<Binding>;
  overlay?: CallRecord['overlay'];
  caller?: Caller;
  deps?: Partial<CallbackDeps>;
}

/** The orgs `acme` and `globex`, and whatever callbacks stand on, in memory. */
export async function openHost() {
  const stores = createMemoryStores();
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  const time = { now: Date.parse('2026-03-01T12:00:00Z') };
  const clock = () => time.now;
  const deps = { ...stores, master: createMasterKey(randomBytes(32)), clock };
  const vault = createVault(deps);
  return { stores, time, clock, vault, secrets: createBindingSecrets({ ...deps, vault }) };
}

/** A call into a guest that is under way, and callbacks for it: everything asked for is granted. */
export async function openCall({
  manifest,
  guest: part,
  binding,
  overlay,
  caller,
  deps = {},
}: OpenedCall = {}) {
  const host = await openHost();
  const records = createCallRecords();
  const lines: [string, object, string][] = [];
  const at = (level: string) => (facts: object, message: string) =>
    void lines.push([level, facts, message]);
  const callbacks = createCallbacks({
    records,
    outbound: { allow: parseAllowList('') },
    kv: host.stores.pluginValues,
    secrets: host.secrets,
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    clock: host.clock,
    read: async () => ({}),
    checkValue: async () => [],
    ...deps,
  });
  const guest = makeGuest(manifest, part);
  const record: CallRecord = {
    guest,
    binding: { ...bareBinding(guest.manifest.id), ...binding },
    grants: new Set(requestedBy(guest.manifest.permissions)),
    requestId: 'request-1',
    ...(overlay && { overlay }),
    ...(caller && { caller }),
  };
  const id = records.begin(record);
  const call = (name: string, params: object = {}) =>
    callbacks(guest, name, { host_callback_id: id, ...params });
  return { ...host, records, callbacks, guest, record, id, call, lines };
}

/** The names lead to this machine, as an operator may allow. */
export function insideNetwork(names: string) {
  const lookup: Lookup = async () => [{ address: '127.0.0.1' }];
  return { allow: parseAllowList(names), lookup };
}
