import { describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { OutboxEnd } from '../../src/plugin-host/events/outbox.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeMessage, makeOrg } from '../support/records.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 2, 4, 12, minute)).toISOString();
const own = { scope: 'org', id: 'webhooks' } as const;
const ofEast = { scope: 'namespace', id: 'east.webhooks' } as const;

const endOf = (part: Partial<OutboxEnd> = {}): OutboxEnd => ({
  state: 'pending',
  dueAt: at(5),
  changedAt: at(1),
  lastStatus: 503,
  lastError: 'it answered 503',
  ...part,
});

await contract('OutboxStore', (stores) => {
  async function withOrgs(): Promise<Stores> {
    for (const slug of ['acme', 'globex']) {
      await stores().orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
    }
    return stores();
  }
  const first = makeMessage('event-1', { dueAt: at(0) });

  describe('add', () => {
    it('stores a message once, with the job that looks for it', async () => {
      const { outbox, jobs } = await withOrgs();

      await outbox.add(first, at(1));
      await outbox.add({ ...first, dueAt: at(30) }, at(30));

      expect(await outbox.listDue('acme', at(0), 10)).toEqual([first]);
      expect(await jobs.listDue(at(1), at(1))).toMatchObject([
        { id: 'acme/outbox/', runAt: at(1) },
      ]);
    });

    it('stores one for each binding and org', async () => {
      const { outbox } = await withOrgs();
      const others = [makeMessage('event-1', ofEast), makeMessage('event-1', { org: 'globex' })];

      for (const message of [first, ...others]) await outbox.add(message, at(1));

      expect(await outbox.listDue('acme', at(60), 10)).toHaveLength(2);
      expect(await outbox.listDue('globex', at(60), 10)).toEqual([others[1]]);
    });

    it('refuses an org that is gone', async () => {
      await expect(stores().outbox.add(first, at(1))).rejects.toMatchObject({
        code: 'RES_NOT_FOUND',
      });
    });
  });

  describe('claim', () => {
    it('gives a due message to one of many', async () => {
      const { outbox } = await withOrgs();
      await outbox.add(first, at(1));

      const claims = await Promise.all(
        Array.from({ length: 8 }, () => outbox.claim(first, at(0), at(1))),
      );

      const [claimed, ...more] = claims.filter((one) => one !== undefined);
      expect(claimed).toEqual({ ...first, dueAt: at(1), changedAt: at(0) });
      expect(more).toEqual([]);
    });

    it('gives it again where nothing has ended the attempt by then', async () => {
      const { outbox } = await withOrgs();
      await outbox.add(first, at(1));
      await outbox.claim(first, at(0), at(1));

      expect(await outbox.claim(first, at(1), at(2))).toBeDefined();
    });

    it('gives none that is not due, not there or over', async () => {
      const { outbox } = await withOrgs();
      await outbox.add(makeMessage('event-2', { dueAt: at(9) }), at(9));
      await outbox.add(first, at(1));
      await outbox.finish(first, endOf({ state: 'sent' }));

      expect(await outbox.claim(makeMessage('event-2'), at(8), at(9))).toBeUndefined();
      expect(await outbox.claim(makeMessage('event-3'), at(8), at(9))).toBeUndefined();
      expect(await outbox.claim(first, at(8), at(9))).toBeUndefined();
    });
  });

  describe('finish', () => {
    it('counts the attempt, and orders the next one', async () => {
      const { outbox, jobs } = await withOrgs();
      await outbox.add(first, at(30));

      await outbox.finish(first, endOf());

      expect(await outbox.listDue('acme', at(5), 10)).toEqual([
        { ...first, ...endOf(), attempts: 1 },
      ]);
      expect(await jobs.listDue(at(5), at(5))).toMatchObject([
        { id: 'acme/outbox/', runAt: at(5) },
      ]);
    });

    it('orders nothing for one that is over', async () => {
      const { outbox, jobs } = await withOrgs();
      await outbox.add(first, at(30));

      await outbox.finish(first, endOf({ state: 'sent', lastStatus: 204, lastError: null }));

      expect(await outbox.listDue('acme', at(60), 10)).toEqual([]);
      expect(await jobs.listDue(at(5), at(5))).toEqual([]);
    });
  });

  it('nextDue is the time of the first of those that wait', async () => {
    const { outbox } = await withOrgs();
    expect(await outbox.nextDue('acme')).toBeUndefined();

    await outbox.add(makeMessage('event-2', { dueAt: at(7) }), at(7));
    await outbox.add(makeMessage('event-3', { dueAt: at(3) }), at(3));
    await outbox.add(first, at(1));
    await outbox.finish(first, endOf({ state: 'failed' }));

    expect(await outbox.nextDue('acme')).toBe(at(3));
  });

  describe('summary', () => {
    it('says how it goes, for one binding', async () => {
      const { outbox } = await withOrgs();
      await outbox.add(first, at(1));
      await outbox.finish(first, endOf({ state: 'sent', lastStatus: 200, lastError: null }));
      await outbox.add(makeMessage('event-2'), at(1));
      await outbox.finish(makeMessage('event-2'), endOf({ changedAt: at(2) }));
      await outbox.add(makeMessage('event-3', { dueAt: at(4) }), at(4));
      await outbox.add(makeMessage('event-4', ofEast), at(1));

      expect(await outbox.summary('acme', own)).toEqual({
        pending: 2,
        sent: 1,
        failed: 0,
        nextAttemptAt: at(4),
        lastStatus: 503,
        lastError: 'it answered 503',
        suspendedSince: null,
      });
    });

    it('is of nothing for a binding that has sent nothing', async () => {
      const { outbox } = await withOrgs();

      const nothing = { pending: 0, sent: 0, failed: 0, nextAttemptAt: null };
      const never = { lastStatus: null, lastError: null, suspendedSince: null };
      expect(await outbox.summary('acme', own)).toEqual({ ...nothing, ...never });
    });
  });

  describe('suspend', () => {
    it('gives up what waits for that binding, and remembers for which URL', async () => {
      const { outbox } = await withOrgs();
      await outbox.add(first, at(1));
      await outbox.add(makeMessage('event-1', ofEast), at(1));

      await outbox.suspend('acme', own, 'digest-1', at(2));

      expect(await outbox.suspendedUrl('acme', own)).toBe('digest-1');
      expect(await outbox.suspendedUrl('acme', ofEast)).toBeUndefined();
      expect(await outbox.suspendedUrl('globex', own)).toBeUndefined();
      const summary = await outbox.summary('acme', own);
      expect(summary).toMatchObject({ pending: 0, failed: 1, suspendedSince: at(2) });
      expect(await outbox.listDue('acme', at(60), 10)).toMatchObject([ofEast]);
    });

    it('lasts until resume, or another URL takes its place', async () => {
      const { outbox } = await withOrgs();
      await outbox.suspend('acme', own, 'digest-1', at(2));
      await outbox.suspend('acme', own, 'digest-2', at(3));
      expect(await outbox.suspendedUrl('acme', own)).toBe('digest-2');

      await outbox.resume('acme', own);

      expect(await outbox.suspendedUrl('acme', own)).toBeUndefined();
    });
  });

  describe('resume', () => {
    it('tells the audit log of a binding that was suspended, and of no other', async () => {
      const { outbox, audit } = await withOrgs();
      await outbox.suspend('acme', own, 'digest-1', at(2));
      const entry = makeEntry({ action: 'webhook.resume' });

      expect(await outbox.resume('acme', ofEast, entry)).toBe(false);
      expect(await outbox.resume('globex', own, entry)).toBe(false);
      expect(await outbox.resume('acme', own, entry)).toBe(true);
      expect(await outbox.resume('acme', own, entry)).toBe(false);

      const told = await audit.list('acme', 0, 10);
      expect(told.map(({ action }) => action)).toEqual(['webhook.resume']);
    });
  });

  describe('backlog', () => {
    it('counts what an org has not sent, from the event that waits longest', async () => {
      const { outbox } = await withOrgs();
      const happened = (id: string, minute: number) => {
        const { event } = makeMessage(id);
        return makeMessage(id, { event: { ...event, timestamp: at(minute) } });
      };
      for (const [i, id] of ['event-1', 'event-2', 'event-3', 'event-4'].entries()) {
        await outbox.add(happened(id, i), at(9));
      }
      await outbox.finish(happened('event-1', 0), endOf({ state: 'sent' }));
      await outbox.finish(happened('event-2', 1), endOf({ state: 'failed' }));
      await outbox.suspend('acme', ofEast, 'digest-1', at(9));
      await outbox.add(makeMessage('event-1', { org: 'globex' }), at(9));

      expect(await outbox.backlog('acme')).toEqual({
        pending: 2,
        failed: 1,
        suspended: 1,
        oldestAt: at(2),
      });
    });

    it('is nothing where nothing was sent', async () => {
      const { outbox } = await withOrgs();

      const nothing = { pending: 0, failed: 0, suspended: 0, oldestAt: null };
      expect(await outbox.backlog('acme')).toEqual(nothing);
    });
  });

  it('sweep forgets what was over before', async () => {
    const { outbox } = await withOrgs();
    for (const [id, state, changedAt] of [
      ['event-1', 'sent', at(1)],
      ['event-2', 'failed', at(1)],
      ['event-3', 'pending', at(1)],
      ['event-4', 'sent', at(3)],
    ] as const) {
      await outbox.add(makeMessage(id), at(1));
      await outbox.finish(makeMessage(id), endOf({ state, changedAt }));
    }

    expect(await outbox.sweep(at(2))).toBe(2);

    expect(await outbox.summary('acme', own)).toMatchObject({ pending: 1, sent: 1, failed: 0 });
  });

  it('sweep takes as many statements as it needs', async () => {
    const { outbox } = await withOrgs();
    const ids = Array.from({ length: 1001 }, (_, i) => `event-${i}`);
    for (const id of ids) await outbox.add(makeMessage(id), at(1));
    await outbox.suspend('acme', own, 'digest-1', at(1));

    expect(await outbox.sweep(at(2))).toBe(1001);

    expect(await outbox.summary('acme', own)).toMatchObject({ pending: 0, failed: 0 });
  });

  it('goes with its org', async () => {
    const { outbox, orgs } = await withOrgs();
    await outbox.add(first, at(1));
    await outbox.suspend('acme', own, 'digest-1', at(2));

    await orgs.remove('acme', makeEntry());

    expect(await outbox.listDue('acme', at(60), 10)).toEqual([]);
    expect(await outbox.suspendedUrl('acme', own)).toBeUndefined();
  });
});
