import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBullmqQueue } from '../../src/queue/bullmq.ts';
import type { Run } from '../../src/queue/jobs.ts';
import { redisServer } from '../support/backends.ts';
import { openWire } from '../support/cut-off.ts';
import { temporaryFolder } from '../support/git.ts';
import { silentLog } from '../support/jobs.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { openService } from '../support/service.ts';
import { isFull } from './site.ts';
import { addSteps, changesOf, openWork, type Work } from './work.ts';

const ROUNDS = isFull ? 20 : 2;
const CONCURRENCY = 3;
const STEPS = 12;
const CUT_MS = isFull ? 30_000 : 1_000;

/** Faults 7, 8 and 9 of docs/spec/reliability.md. */
const server = await redisServer();
describe.skipIf(server === undefined)('jobs, when Redis', () => {
  let folder: string;
  let redis: RunningRedis;
  let work: Work;
  /** Runs that have begun, and what they wait for. */
  let begun: Run[];
  let gate: PromiseWithResolvers<void>;
  let look: () => void;
  let written: number;

  beforeEach(async () => {
    folder = await temporaryFolder('waymark-jobs-');
    redis = await startRedis();
    begun = [];
    gate = Promise.withResolvers();
    look = () => {};
    written = 0;
    work = await openWorkAt(redis.url);
    return async () => {
      gate.resolve();
      await work.close();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    };
  });

  const openWorkAt = (url: string) =>
    openWork({
      file: join(folder, 'waymark.db'),
      queue: createBullmqQueue({ url, concurrency: CONCURRENCY, log: silentLog }),
      async during(run) {
        begun.push(run);
        look();
        await gate.promise;
      },
      onWritten() {
        written += 1;
        look();
      },
    });

  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => isSo() && resolve();
      look();
    });
  const all = () => until(() => written === STEPS);

  /** With some steps begun, and the others waiting in Redis. */
  async function midWork(): Promise<string[]> {
    work.jobs.start();
    const orgs = await addSteps(work, STEPS);
    await until(() => begun.length === CONCURRENCY);
    return orgs;
  }

  async function expectEachOnce(orgs: readonly string[], others = {}): Promise<void> {
    // What is stored after the last step.
    await work.jobs.stop();
    expect(await changesOf(work, orgs)).toEqual(orgs.map(() => 1));
    expect(await work.stores.jobs.countByState()).toEqual({ done: STEPS, ...others });
  }

  it.each(Array.from({ length: ROUNDS }, (_, i) => i))(
    'is killed in the middle: every step is done once (%d)',
    async () => {
      const orgs = await midWork();

      redis.signal('SIGKILL');
      await redis.stop();
      redis = await startRedis(redis.port);
      gate.resolve();

      await all();
      await expectEachOnce(orgs);
    },
  );

  it.each(Array.from({ length: ROUNDS }, (_, i) => i))(
    'is emptied in the middle: every step is done once (%d)',
    async () => {
      const orgs = await midWork();

      const admin = new Redis(redis.url);
      await admin.flushall();
      await admin.quit();
      gate.resolve();
      await work.jobs.reconcile();

      await all();
      await expectEachOnce(orgs);
    },
  );

  it.each(['refuse', 'silence'] as const)(
    'is cut off (%s): every step is done once, and no epoch goes back',
    async (how) => {
      const wire = await openWire(redis.port);
      await work.close();
      work = await openWorkAt(`redis://127.0.0.1:${wire.port}`);
      const orgs = await midWork();

      wire.cut(how);
      gate.resolve();
      await until(() => written >= CONCURRENCY);
      await work.jobs.schedule({ org: null, kind: 'other', key: '' });
      wire.mend();

      await all();
      await expectEachOnce(orgs, { pending: 1 });
      const epochs = Map.groupBy(begun, ({ id }) => id);
      expect([...epochs.values()].map((runs) => runs.map(({ epoch }) => epoch))).toEqual(
        orgs.map(() => [1]),
      );
      await wire.close();
    },
  );

  it.each(['refuse', 'silence'] as const)(
    'is cut off (%s): the API and delivery stay up, and the probe says so',
    async (how) => {
      const wire = await openWire(redis.port);
      const settings = {
        WAYMARK_EXAMPLE_ORG: 'acme',
        REDIS_URL: `redis://127.0.0.1:${wire.port}`,
      };
      const service = await openService(undefined, settings);
      const headers = { authorization: `Bearer ${service.admin}`, 'x-waymark-org': 'acme' };
      const ask = (path: string) =>
        fetch(`${service.url}${path}`, { headers, signal: AbortSignal.timeout(5_000) });
      const probe = async () => (await (await ask('/readyz')).json()) as { degraded: string[] };
      const isSaid = async () => (await probe()).degraded.includes('Redis is away: jobs wait');
      await expect.poll(isSaid).toBe(false);

      wire.cut(how);
      const until = performance.now() + CUT_MS;
      const statuses = new Set<number>();
      do {
        await service.jobs.schedule({ org: 'acme', kind: 'pack', key: '' });
        for (const path of ['/api/v1/orgs', '/v1/orgs/acme/delivery/plugins/sales/manifest']) {
          statuses.add((await ask(path)).status);
        }
      } while (performance.now() < until);
      if (how === 'refuse') await expect.poll(isSaid).toBe(true);
      wire.mend();
      await expect.poll(isSaid).toBe(false);

      expect([...statuses]).toEqual([200]);
      await service.close();
      await wire.close();
    },
  );
});
