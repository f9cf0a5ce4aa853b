import { rm } from 'node:fs/promises';
import type { Errands } from '../../src/mirror/errands.ts';
import { Mirror } from '../../src/mirror/mirror.ts';
import type { ProposeDeps } from '../../src/mirror/propose.ts';
import type { Scheduler } from '../../src/mirror/schedule.ts';
import type { StatusDeps } from '../../src/mirror/status.ts';
import type { SyncDeps } from '../../src/mirror/sync.ts';
import type { Condition, Upstream } from '../../src/mirror/upstream.ts';
import { parseAllowList } from '../../src/outbound/address.ts';
import { createVault } from '../../src/secrets/vault.ts';
import { type TestRepository, temporaryFolder } from './git.ts';
import { makeTestOrg, type TestOrg } from './org.ts';
import { testMaster } from './org-keys.ts';
import { makeEntry, makeUpstream } from './records.ts';

/** A mirrored org over stores in memory, whose clock for syncs is the test's to wind. */
export interface TestMirror {
  org: TestOrg;
  mirror: Mirror;
  scratchDir: string;
  /** What works for it beside its syncs needs these. */
  deps: SyncDeps & StatusDeps & ProposeDeps;
  /** The delays for which the mirror has asked, the newest last. */
  delays: number[];
  /** What the syncs have ordered to be done upstream. */
  ordered: string[];
  /** Lets the newest of them pass. */
  elapse(): void;
  /** One sync, to its end. */
  sync(): Promise<void>;
  upstream(): Promise<Upstream>;
  conditions(): Promise<Condition[]>;
  putSecret(name: string, value: string): Promise<void>;
  /** Another mirror of the same org, as after a restart. */
  restart(): Mirror;
  close(): Promise<void>;
}

/** Leads to the loopback address, though no resolver knows it. */
export const PINNED_NAME = 'registry.example';

export async function openMirror(settings: Partial<Upstream>): Promise<TestMirror> {
  const org = await makeTestOrg({}, { mode: 'mirror' });
  const { stores } = org;
  const clock = () => org.nowMs;
  const scratchDir = await temporaryFolder('waymark-scratch-');
  const vault = createVault({ secrets: stores.secrets, master: testMaster, clock });
  const credentials = { username: null, secretRef: null, ...settings };
  await stores.upstreams.insert(makeUpstream(credentials), makeEntry());

  const delays: number[] = [];
  const ordered: string[] = [];
  let waiting = () => {};
  const scheduler: Scheduler = (delayMs, work) => {
    delays.push(delayMs);
    waiting = work;
    return () => {
      waiting = () => {};
    };
  };
  const say = (_: unknown, message: string) => void org.logged.push(message);
  const errands: Errands = {
    validate: async (_org, commit, isAgain) =>
      void ordered.push(`validate ${commit}${isAgain ? ' again' : ''}`),
    followPullRequests: async () => void ordered.push('follow-pulls'),
    pushReleases: async () => void ordered.push('push-releases'),
  };
  const lookup = async (host: string) => (host === PINNED_NAME ? [{ address: '127.0.0.1' }] : []);
  const deps: TestMirror['deps'] = {
    upstreams: stores.upstreams,
    changeRequests: stores.changeRequests,
    vault,
    outbound: { allow: parseAllowList('127.0.0.1'), lookup },
    scratchDir,
    clock,
    publicUrl: null,
    log: { info: say, warn: say, error: say },
  };
  const open = () =>
    new Mirror(org.runtime, {
      ...deps,
      scheduler,
      random: () => 0.5,
      errands,
    });

  const test: TestMirror = {
    org,
    mirror: open(),
    scratchDir,
    deps,
    delays,
    ordered,
    elapse: () => waiting(),
    sync: () => test.mirror.sync('request'),
    upstream: async () => (await stores.upstreams.find('acme'))!,
    conditions: () => stores.upstreams.conditions('acme'),
    async putSecret(name, value) {
      await vault.put(name, value, { org: 'acme', actor: 'user:ada', requestId: 'r' });
    },
    restart() {
      test.mirror = open();
      return test.mirror;
    },
    async close() {
      await org.remove();
      await test.mirror.settled();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
  return test;
}

/** Makes it a repository as a provider has it: without our hooks, and open to pushes over HTTP. */
export async function takePushes(repository: TestRepository): Promise<void> {
  await repository.git('config', 'core.hooksPath', '/dev/null');
  await repository.git('config', 'receive.denyDeletes', 'false');
  await repository.git('config', 'http.receivepack', 'true');
}
