import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { createInProcessQueue } from '../../src/queue/in-process.ts';
import { type JobHandler, Jobs, type Run } from '../../src/queue/jobs.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const NOON = Date.UTC(2026, 2, 1, 12);
const MINUTE_MS = 60_000;

let stores: Stores;
let jobs: Jobs;
let nowMs: number;
let logged: string[];
let runs: Run[];
let handler: JobHandler;
let onEnd: () => void;

const open = (lockMs?: number) => {
  const say = (_: object, message: string) => void logged.push(message);
  const log = { info: say, warn: say, error: say };
  const queue = createInProcessQueue(4);
  /** Tells the test of every end that is stored. */
  const finish: Stores['jobs']['finish'] = async (...args) => {
    const job = await stores.jobs.finish(...args);
    queueMicrotask(() => onEnd());
    return job;
  };
  const deps = { jobs: { ...stores.jobs, finish }, queue, clock: () => nowMs, log };
  const opened = new Jobs(lockMs === undefined ? deps : { ...deps, lockMs });
  opened.define('once', { run: (run) => handler(run) });
  opened.define('daily', { run: (run) => handler(run), everyMs: 24 * 60 * MINUTE_MS });
  return opened;
};

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  nowMs = NOON;
  logged = [];
  runs = [];
  handler = async (run) => void runs.push(run);
  onEnd = () => {};
  jobs = open();
});
afterEach(() => jobs.stop());

const ended = () =>
  new Promise<void>((resolve) => {
    onEnd = resolve;
  });
const once = { org: 'acme', kind: 'once', key: '' };
const [rowOnce, rowDaily] = ['acme/once/', 'acme/daily/'];
const row = async (id: string) => {
  const all = await stores.jobs.listDue('9999', '9999');
  return all.find((job) => job.id === id);
};

describe('Jobs.ensure', () => {
  it('has a job that is due done at once, and never again', async () => {
    jobs.start();
    const end = ended();
    await jobs.ensure({ ...once, key: 'k' });
    await end;

    await jobs.ensure({ ...once, key: 'k' });
    await jobs.reconcile();
    await jobs.stop();

    expect(runs).toHaveLength(1);
    expect(await stores.jobs.countByState()).toEqual({ done: 1 });
  });
});

describe('a job that says how often it may fail', () => {
  it('is not given up before', async () => {
    jobs.define('patient', { run: (run) => handler(run), mostFailures: 7 });
    handler = async () => {
      throw new Error('away');
    };
    jobs.start();
    await jobs.schedule({ ...once, kind: 'patient' });

    for (let failures = 1; failures < 7; failures++) {
      await expect.poll(async () => (await row('acme/patient/'))?.failures).toBe(failures);
      nowMs += 10 * MINUTE_MS;
      await jobs.reconcile();
    }

    await expect.poll(() => stores.jobs.countByState()).toEqual({ failed: 1 });
  });
});

describe('Jobs.schedule', () => {
  it('has the job done at once, with its payload', async () => {
    jobs.start();
    const end = ended();

    await jobs.schedule({ ...once, key: 'k', payload: { why: 'asked' } });
    await end;

    expect(runs).toMatchObject([{ org: 'acme', key: 'k', payload: { why: 'asked' }, epoch: 1 }]);
    expect(await stores.jobs.countByState()).toEqual({ done: 1 });
  });

  it('before the start is done after it', async () => {
    await jobs.schedule(once);
    const end = ended();

    jobs.start();
    await end;

    expect(runs).toHaveLength(1);
  });

  it('for later waits for its time', async () => {
    jobs.start();
    await jobs.schedule({ ...once, runAtMs: NOON + 60 * MINUTE_MS });

    await jobs.reconcile();
    expect(runs).toEqual([]);
    nowMs += 60 * MINUTE_MS;
    const end = ended();
    await jobs.reconcile();
    await end;

    expect(runs).toHaveLength(1);
  });

  it('while it runs has it done once more', async () => {
    let asked = 0;
    handler = async (run) => {
      runs.push(run);
      if (asked++ === 0) for (let i = 0; i < 3; i++) await jobs.schedule(once);
    };
    jobs.start();
    const both = Promise.withResolvers<void>();
    onEnd = () => runs.length === 2 && both.resolve();

    await jobs.schedule(once);
    await both.promise;

    expect(runs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(await stores.jobs.countByState()).toEqual({ done: 1 });
  });

  it('of a kind that this version does not know leaves it to another', async () => {
    jobs.start();
    await jobs.schedule({ ...once, kind: 'future' });
    const end = ended();
    await jobs.schedule(once);
    await end;

    expect(await stores.jobs.countByState()).toEqual({ done: 1, pending: 1 });
  });
});

describe('a recurring job', () => {
  const daily = { org: 'acme', kind: 'daily', key: '' };

  it('has its next turn so long after its end', async () => {
    await jobs.ensure(daily);
    const end = ended();
    jobs.start();
    await end;

    expect(await row(rowDaily)).toMatchObject({
      state: 'pending',
      runAt: '2026-03-02T12:00:00.000Z',
    });
  });

  it('keeps its turn when it is made sure of again', async () => {
    await jobs.ensure({ ...daily, runAtMs: NOON + MINUTE_MS });
    await jobs.ensure(daily);

    expect(await row(rowDaily)).toMatchObject({ runAt: '2026-03-01T12:01:00.000Z' });
  });

  it('that fails too often waits for its next turn, and is said to be in trouble', async () => {
    handler = () => Promise.reject(new Error('no space'));
    await jobs.ensure(daily);
    jobs.start();

    for (let i = 0; i < 5; i++) {
      const end = ended();
      nowMs += MINUTE_MS;
      await jobs.reconcile();
      await end;
    }

    expect(await row(rowDaily)).toMatchObject({
      state: 'pending',
      runAt: '2026-03-02T12:05:00.000Z',
      lastError: 'no space',
    });
    expect(await jobs.health()).toEqual({
      isQueueReachable: true,
      pending: 1,
      running: 0,
      troubled: [{ org: 'acme', kind: 'daily', key: '', failures: 5 }],
    });
  });
});

describe('a run that fails', () => {
  it('is tried again, later each time, until it is given up', async () => {
    handler = () => Promise.reject(new Error('no'));
    jobs.start();
    const pauses: number[] = [];

    for (let i = 0; i < 5; i++) {
      const end = ended();
      if (i === 0) await jobs.schedule(once);
      else await jobs.reconcile();
      await end;
      const next = await row(rowOnce);
      if (!next) break;
      pauses.push(Date.parse(next.runAt) - nowMs);
      nowMs = Date.parse(next.runAt);
    }

    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
    expect(await stores.jobs.countByState()).toEqual({ failed: 1 });
    expect(logged.filter((line) => line === 'a job failed')).toHaveLength(5);
  });

  it('and is asked for again begins anew', async () => {
    handler = () => Promise.reject(new Error('no'));
    jobs.start();
    let end = ended();
    await jobs.schedule(once);
    await end;
    handler = async (run) => void runs.push(run);

    end = ended();
    nowMs += 1000;
    await jobs.reconcile();
    await end;

    expect(runs).toMatchObject([{ epoch: 2 }]);
    expect((await jobs.health()).troubled).toEqual([]);
  });
});

describe('a worker that froze past its lock', () => {
  it('is overtaken, and what it writes at its end changes nothing', async () => {
    const frozen = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    handler = async () => {
      began.resolve();
      await frozen.promise;
    };
    jobs.start();
    await jobs.schedule(once);
    await began.promise;

    nowMs += 2 * MINUTE_MS;
    const other = open();
    handler = async (run) => void runs.push(run);
    const end = ended();
    other.start();
    await end;
    const stale = ended();
    frozen.resolve();
    await stale;

    expect(runs).toMatchObject([{ epoch: 2 }]);
    expect(logged).toEqual(['a job was done by another worker meanwhile']);
    await other.stop();
  });

  it('learns of it by its signal', async () => {
    const aborted = Promise.withResolvers<void>();
    handler = async ({ signal }) => {
      nowMs += 1000;
      await stores.jobs.claim(rowOnce, '9999', '9999');
      signal.addEventListener('abort', () => aborted.resolve());
      await aborted.promise;
    };
    const quick = open(30);
    const end = ended();
    quick.start();

    await quick.schedule(once);
    await aborted.promise;
    await end;

    expect(logged).toEqual(['a job was done by another worker meanwhile']);
    await quick.stop();
  });

  it('renews its lock for as long as it works', async () => {
    const extended = Promise.withResolvers<void>();
    const before = { ...stores.jobs };
    stores.jobs.extend = async (run, until) => {
      const answer = await before.extend(run, until);
      if (until > '2026-03-01T12:10') extended.resolve();
      return answer;
    };
    const quick = open(30);
    handler = async () => {
      nowMs += 10 * MINUTE_MS;
      await extended.promise;
    };
    const end = ended();
    quick.start();
    await quick.schedule(once);
    await end;

    expect(await stores.jobs.countByState()).toEqual({ done: 1 });
    await quick.stop();
  });
});

describe('Jobs.stop', () => {
  it('lets a run end by its signal, and leaves the job to be done anew', async () => {
    const began = Promise.withResolvers<void>();
    handler = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')));
        began.resolve();
      });
    jobs.start();
    await jobs.schedule(once);
    await began.promise;

    await jobs.stop();

    expect(await row(rowOnce)).toMatchObject({ state: 'pending', failures: 0, lastError: null });
    expect(logged).toEqual([]);
  });

  it('waits for a run that goes on to its end', async () => {
    const began = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    handler = async (run) => {
      began.resolve();
      await gate.promise;
      runs.push(run);
    };
    jobs.start();
    await jobs.schedule(once);
    await began.promise;

    const stopping = jobs.stop();
    gate.resolve();
    await stopping;

    expect(runs).toHaveLength(1);
    expect(await stores.jobs.countByState()).toEqual({ done: 1 });
  });
});

describe('a database that is away', () => {
  it('is said, and looked at again', async () => {
    const before = { ...stores.jobs };
    const said = Promise.withResolvers<void>();
    stores.jobs.listDue = () => Promise.reject(new Error('down'));
    const log = { info() {}, warn() {}, error: () => said.resolve() };
    const queue = createInProcessQueue(1);
    const started = new Jobs({ jobs: stores.jobs, queue, clock: () => nowMs, log });
    started.define('once', { run: (run) => handler(run) });
    await started.schedule(once);

    started.start();
    await said.promise;
    stores.jobs.listDue = (...args) => before.listDue(...args);
    await started.reconcile();
    await started.stop();

    expect(await stores.jobs.countByState()).toEqual({ pending: 1 });
  });
});
