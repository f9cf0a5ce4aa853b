import { rm } from 'node:fs/promises';
import type { Errands } from '../../src/mirror/errands.ts';
import { Mirror } from '../../src/mirror/mirror.ts';
import type { Scheduler } from '../../src/mirror/schedule.ts';
import type { Condition, Upstream } from '../../src/mirror/upstream.ts';
import { parseAllowList } from '../../src/outbound/address.ts';
import { createVault } from '../../src/secrets/vault.ts';
import { temporaryFolder } from './git.ts';
import { makeTestOrg, type TestOrg } from './org.ts';
import { testMaster } from './org-keys.ts';
import { makeEntry, makeUpstream } from './records.ts';

/** A mirrored org over stores in memory, whose clock for syncs is the test's to wind. */
export interface TestMirror {
  org: TestOrg;
  mirror: Mirror;
  scratchDir: string;
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
  const open = () =>
    new Mirror(org.runtime, {
      upstreams: stores.upstreams,
      vault,
      outbound: {
        allow: parseAllowList('127.0.0.1'),
        lookup: async (host) => (host === PINNED_NAME ? [{ address: '127.0.0.1' }] : []),
      },
      scratchDir,
      clock,
      log: { info: say, warn: say, error: say },
      scheduler,
      random: () => 0.5,
      errands,
    });

  const test: TestMirror = {
    org,
    mirror: open(),
    scratchDir,
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
