import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { Job, JobOrder } from '../../src/queue/job.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const at = (minute: number) => `2026-03-01T12:${String(minute).padStart(2, '0')}:00.000Z`;
const order = (part: Partial<JobOrder> = {}): JobOrder => ({
  org: 'acme',
  kind: 'upkeep',
  key: '',
  payload: { why: 'a test' },
  runAt: at(0),
  ...part,
});
const ID = 'acme/upkeep/';

async function jobsOf(stores: Stores) {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores.jobs;
}

/** A job whose first run has begun at minute 0 and is locked until minute 1. */
async function running(stores: Stores): Promise<{ jobs: Stores['jobs']; run: Job }> {
  const jobs = await jobsOf(stores);
  await jobs.schedule(order(), at(0));
  const run = await jobs.claim(ID, at(0), at(1));
  return { jobs, run: run! };
}

await contract('JobStore', (stores) => {
  it('schedule keeps one job for an org, kind and key', async () => {
    const jobs = await jobsOf(stores());

    const job = await jobs.schedule(order(), at(0));
    await jobs.schedule(order(), at(0));
    await jobs.schedule(order({ key: 'other' }), at(0));
    await jobs.schedule(order({ org: 'globex' }), at(0));
    await jobs.schedule(order({ org: null }), at(0));

    expect(job).toEqual({
      ...order(),
      id: ID,
      state: 'pending',
      epoch: 0,
      failures: 0,
      nextRunAt: null,
      lockedUntil: null,
      lastError: null,
      changedAt: at(0),
    });
    const due = await jobs.listDue(at(0), at(0));
    expect(due.map(({ id }) => id).toSorted()).toEqual([
      '*/upkeep/',
      ID,
      'acme/upkeep/other',
      'globex/upkeep/',
    ]);
  });

  it('schedule makes a pending job due sooner, never later, with the newest payload', async () => {
    const jobs = await jobsOf(stores());
    await jobs.schedule(order({ runAt: at(5) }), at(0));

    expect(await jobs.schedule(order({ runAt: at(9), payload: 2 }), at(1))).toMatchObject({
      runAt: at(5),
      payload: 2,
    });
    expect(await jobs.schedule(order({ runAt: at(3) }), at(2))).toMatchObject({
      runAt: at(3),
      changedAt: at(2),
    });
  });

  it('schedule refuses an org that was removed', async () => {
    await expect(stores().jobs.schedule(order(), at(0))).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
  });

  it('schedule lets a running job run once more, when the soonest asked', async () => {
    const { jobs, run } = await running(stores());
    for (const minute of [7, 5, 6]) await jobs.schedule(order({ runAt: at(minute) }), at(1));

    const ended = await jobs.finish(run, { outcome: 'done', againAt: null }, at(2));

    expect(ended).toMatchObject({ state: 'pending', runAt: at(5), nextRunAt: null });
  });

  it('schedule begins anew what has ended', async () => {
    const { jobs, run } = await running(stores());
    await jobs.finish(run, { outcome: 'failed', againAt: null, error: 'no' }, at(1));

    const job = await jobs.schedule(order({ runAt: at(2) }), at(2));

    expect(job).toMatchObject({ state: 'pending', runAt: at(2), failures: 0, epoch: 1 });
  });

  it('ensure adds a job, and leaves one that is there as it is', async () => {
    const jobs = await jobsOf(stores());

    await jobs.ensure(order({ runAt: at(5) }), at(0));
    await jobs.ensure(order({ runAt: at(1), payload: 'other' }), at(1));

    expect(await jobs.listDue(at(9), at(9))).toMatchObject([
      { runAt: at(5), payload: { why: 'a test' }, changedAt: at(0) },
    ]);
  });

  it('claim starts what is due, and nothing before its time', async () => {
    const jobs = await jobsOf(stores());
    await jobs.schedule(order({ runAt: at(5) }), at(0));

    expect(await jobs.claim(ID, at(4), at(5))).toBeUndefined();
    expect(await jobs.claim('acme/upkeep/none', at(6), at(7))).toBeUndefined();
    expect(await jobs.claim(ID, at(5), at(6))).toMatchObject({
      state: 'running',
      epoch: 1,
      lockedUntil: at(6),
    });
  });

  it('claim gives a job to one of many at once', async () => {
    const jobs = await jobsOf(stores());
    await jobs.schedule(order(), at(0));

    const claims = await Promise.all(
      Array.from({ length: 10 }, () => jobs.claim(ID, at(0), at(1))),
    );

    expect(claims.filter(Boolean)).toHaveLength(1);
  });

  it('claim takes a run over once its lock is past, under a higher epoch', async () => {
    const { jobs } = await running(stores());

    expect(await jobs.claim(ID, at(1), at(2))).toBeUndefined();
    expect(await jobs.claim(ID, at(2), at(3))).toMatchObject({ epoch: 2, lockedUntil: at(3) });
  });

  it('extend keeps a lock, but for a run that was overtaken', async () => {
    const { jobs, run } = await running(stores());

    expect(await jobs.extend(run, at(5))).toBe(true);
    expect(await jobs.claim(ID, at(4), at(9))).toBeUndefined();
    await jobs.claim(ID, at(6), at(7));

    expect(await jobs.extend(run, at(60))).toBe(false);
    expect(await jobs.claim(ID, at(8), at(9))).toMatchObject({ epoch: 3 });
  });

  it('finish ends a job for good, or until its next turn', async () => {
    const { jobs, run } = await running(stores());

    expect(await jobs.finish(run, { outcome: 'done', againAt: at(9) }, at(1))).toMatchObject({
      state: 'pending',
      runAt: at(9),
      lockedUntil: null,
    });
    const second = await jobs.claim(ID, at(9), at(10));
    expect(await jobs.finish(second!, { outcome: 'done', againAt: null }, at(10))).toMatchObject({
      state: 'done',
      changedAt: at(10),
    });
    expect(await jobs.claim(ID, at(20), at(21))).toBeUndefined();
    expect(await jobs.listDue(at(20), at(20))).toEqual([]);
  });

  it('finish counts failures in a row, and forgets them with a success', async () => {
    const { jobs, run } = await running(stores());
    const failed = { outcome: 'failed', againAt: at(2), error: 'no space' } as const;

    expect(await jobs.finish(run, failed, at(1))).toMatchObject({
      state: 'pending',
      failures: 1,
      lastError: 'no space',
    });
    const second = await jobs.claim(ID, at(2), at(3));
    expect(await jobs.finish(second!, { ...failed, againAt: null }, at(2))).toMatchObject({
      state: 'failed',
      failures: 2,
    });
    expect(await jobs.listTroubled(2)).toMatchObject([{ id: ID }]);
    expect(await jobs.listTroubled(3)).toEqual([]);

    await jobs.schedule(order({ runAt: at(4) }), at(4));
    const third = await jobs.claim(ID, at(4), at(5));
    expect(await jobs.finish(third!, { outcome: 'done', againAt: null }, at(5))).toMatchObject({
      failures: 0,
      lastError: null,
    });
  });

  it('finish of a run that was given up is no failure', async () => {
    const { jobs, run } = await running(stores());

    expect(await jobs.finish(run, { outcome: 'released', againAt: at(1) }, at(1))).toMatchObject({
      state: 'pending',
      failures: 0,
      lastError: null,
    });
  });

  it('finish of a run that was overtaken changes nothing', async () => {
    const { jobs, run } = await running(stores());
    const second = await jobs.claim(ID, at(2), at(3));

    expect(await jobs.finish(run, { outcome: 'done', againAt: null }, at(2))).toBeUndefined();

    expect(await jobs.extend(second!, at(4))).toBe(true);
  });

  it('listDue gives the longest due first, and what a dead worker left', async () => {
    const { jobs } = await running(stores());
    await jobs.schedule(order({ key: 'later', runAt: at(9) }), at(0));
    await jobs.schedule(order({ key: 'soon', runAt: at(3) }), at(0));

    expect((await jobs.listDue(at(1), at(3))).map(({ key }) => key)).toEqual(['soon']);
    expect((await jobs.listDue(at(2), at(9))).map(({ key }) => key)).toEqual(['', 'soon', 'later']);
  });

  it('countByState and removeEnded tell of and forget what has ended', async () => {
    const { jobs, run } = await running(stores());
    await jobs.schedule(order({ key: 'waiting' }), at(0));
    await jobs.finish(run, { outcome: 'done', againAt: null }, at(1));
    expect(await jobs.countByState()).toEqual({ done: 1, pending: 1 });

    expect(await jobs.removeEnded(at(1))).toBe(0);
    expect(await jobs.removeEnded(at(2))).toBe(1);

    expect(await jobs.countByState()).toEqual({ pending: 1 });
  });

  it('goes with its org, but for the site’s', async () => {
    const { jobs } = await running(stores());
    await jobs.schedule(order({ org: null }), at(0));

    await stores().orgs.remove('acme', makeEntry());

    expect(await jobs.listDue(at(9), at(9))).toMatchObject([{ id: '*/upkeep/', org: null }]);
  });
});
