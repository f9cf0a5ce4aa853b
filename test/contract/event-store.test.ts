import { describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { HookDelivery } from '../../src/plugin-host/events/event-store.ts';
import type { Wakeup } from '../../src/queue/job.ts';
import { contract } from '../support/backends.ts';
import {
  makeChangeRequest,
  makeEntry,
  makeEvent,
  makeOrg,
  makePointer,
  makeReview,
} from '../support/records.ts';

const NOW = '2026-03-04T12:00:00.000Z';
const LATER = '2026-03-05T12:00:00.000Z';

const makeDelivery = (part: Partial<HookDelivery> = {}): HookDelivery => ({
  org: 'acme',
  eventId: 'event-1',
  scope: 'org',
  id: 'chat',
  outcome: 'done',
  at: NOW,
  durationMs: 12,
  error: null,
  ...part,
});

await contract('EventStore', (stores) => {
  async function withOrgs(): Promise<Stores> {
    for (const slug of ['acme', 'globex']) {
      await stores().orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
    }
    return stores();
  }

  /** Any cause will do. */
  async function write(all: Stores, ...events: ReturnType<typeof makeEvent>[]): Promise<void> {
    const { org } = events[0]!;
    const moves = { pointers: [], releases: [], closes: [], entries: [] };
    await all.publications.project({ org, ...moves, events });
  }

  describe('unsettled', () => {
    it('gives whole events, the oldest first, of the org alone', async () => {
      const all = await withOrgs();
      const second = makeEvent('event-2', {
        type: 'release.yanked',
        plugins: ['sales', 'ops'],
        environments: ['live'],
        data: { releaseId: 'sales--v1.0.0', reason: 'zu früh — 説明' },
        mark: 'once',
      });
      await write(all, second, makeEvent('event-1'));
      await write(all, makeEvent('event-3', { org: 'globex' }));

      expect(await all.events.unsettled('acme', 10)).toEqual([makeEvent('event-1'), second]);
      expect(await all.events.unsettled('acme', 1)).toEqual([makeEvent('event-1')]);
    });

    it('gives them until they are settled', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1'), makeEvent('event-2'));

      await all.events.settle('acme', ['event-1'], NOW);
      await all.events.settle('acme', [], NOW);

      expect(await all.events.unsettled('acme', 10)).toEqual([makeEvent('event-2')]);
    });

    it('has an event with a mark once in its org, settled or not', async () => {
      const all = await withOrgs();
      const mark = 'document.ready sales.context.tone';
      await write(all, makeEvent('event-1', { mark }));
      await all.events.settle('acme', ['event-1'], NOW);

      await write(all, makeEvent('event-2', { mark }), makeEvent('event-3'), makeEvent('event-4'));
      await write(all, makeEvent('event-5', { org: 'globex', mark }));

      const ids = async (org: string) => (await all.events.unsettled(org, 10)).map(({ id }) => id);
      expect(await ids('acme')).toEqual(['event-3', 'event-4']);
      expect(await ids('globex')).toEqual(['event-5']);
    });

    it('has more than one statement can take', async () => {
      const all = await withOrgs();
      const ids = Array.from({ length: 2_500 }, (_, i) => `event-${String(i).padStart(4, '0')}`);

      await write(all, ...ids.map((id) => makeEvent(id)));

      expect((await all.events.unsettled('acme', 5_000)).map(({ id }) => id)).toEqual(ids);
    });
  });

  describe('a cause', () => {
    it('has its events and their job only where it happened', async () => {
      const { publications, events, jobs } = await withOrgs();
      const pointers = [{ next: makePointer({ sequence: 9 }), expectedSequence: 8 }];
      const none = { org: 'acme', releases: [], closes: [], entries: [] };

      expect(
        await publications.project({ ...none, pointers, events: [makeEvent('event-1')] }),
      ).toBe(false);

      expect(await events.unsettled('acme', 10)).toEqual([]);
      expect(await jobs.listDue(LATER, LATER)).toEqual([]);
    });

    it('orders the job that tells of its events, and says so after the commit', async () => {
      const all = await withOrgs();
      const heard: Wakeup[] = [];
      all.jobs.onScheduled((job) => void heard.push(job));

      await write(all, makeEvent('event-1', { at: NOW }));

      const id = 'acme/hooks/';
      expect(await all.jobs.listDue(NOW, NOW)).toMatchObject([
        { id, org: 'acme', state: 'pending' },
      ]);
      expect(heard).toMatchObject([{ id, epoch: 0, runAt: NOW }]);
    });

    it('orders it once more where it runs', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1', { at: NOW }));
      const run = (await all.jobs.claim('acme/hooks/', NOW, LATER))!;

      await write(all, makeEvent('event-2', { at: NOW }));

      const ended = await all.jobs.finish(run, { outcome: 'done', againAt: null }, NOW);
      expect(ended).toMatchObject({ state: 'pending', runAt: NOW });
    });

    it('may be a change request that is opened, changed or reviewed', async () => {
      const { changeRequests, events } = await withOrgs();
      const { number: _number, ...wanted } = makeChangeRequest();

      const made = await changeRequests.insert(
        wanted,
        () => makeEntry(),
        ({ number }) => [makeEvent('event-1', { data: { number } })],
      );
      await changeRequests.insert(
        wanted,
        () => makeEntry(),
        () => [makeEvent('refused')],
      );
      await changeRequests.replace({ ...made!, version: 2 }, 1, makeEntry(), [
        makeEvent('event-2'),
      ]);
      await changeRequests.replace({ ...made!, version: 2 }, 1, makeEntry(), [
        makeEvent('refused'),
      ]);
      await changeRequests.addReview(makeReview('1'), makeEntry(), [makeEvent('event-3')]);

      const found = await events.unsettled('acme', 10);
      expect(found.map(({ id }) => id)).toEqual(['event-1', 'event-2', 'event-3']);
      expect(found[0]?.data).toEqual({ number: 1 });
    });

    it('is refused with its events where the org is gone', async () => {
      const written = write(stores(), makeEvent('event-1'));

      await expect(written).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    });
  });

  describe('deliveries', () => {
    it('gives those of the events that are asked for', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1'), makeEvent('event-2'), makeEvent('event-3'));
      const failed = makeDelivery({ eventId: 'event-2', outcome: 'failed', error: 'PLG_TIMEOUT' });
      const ofNamespace = makeDelivery({ scope: 'namespace', id: 'east.chat' });
      for (const one of [
        failed,
        ofNamespace,
        makeDelivery(),
        makeDelivery({ eventId: 'event-3' }),
      ]) {
        await all.events.addDelivery(one);
      }

      expect(await all.events.deliveries('acme', ['event-1', 'event-2'])).toEqual([
        ofNamespace,
        makeDelivery(),
        failed,
      ]);
      expect(await all.events.deliveries('acme', [])).toEqual([]);
      expect(await all.events.deliveries('globex', ['event-1'])).toEqual([]);
    });

    it('has the later outcome of one that was made twice', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1'));
      await all.events.addDelivery(makeDelivery({ outcome: 'failed', error: 'no' }));

      await all.events.addDelivery(makeDelivery({ at: LATER }));

      expect(await all.events.deliveries('acme', ['event-1'])).toEqual([
        makeDelivery({ at: LATER }),
      ]);
    });
  });

  describe('sweep', () => {
    it('forgets what was settled before, but for what is told of once', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1'), makeEvent('event-2', { mark: 'once' }));
      await write(all, makeEvent('event-3'), makeEvent('event-4'));
      for (const eventId of ['event-1', 'event-2', 'event-3']) {
        await all.events.addDelivery(makeDelivery({ eventId }));
      }
      await all.events.settle('acme', ['event-1', 'event-2'], NOW);
      await all.events.settle('acme', ['event-3'], LATER);

      expect(await all.events.sweep(LATER)).toBe(1);

      const left = await all.events.deliveries('acme', ['event-1', 'event-2', 'event-3']);
      expect(left.map(({ eventId }) => eventId)).toEqual(['event-3']);
      await write(all, makeEvent('event-5', { mark: 'once' }));
      expect(await all.events.unsettled('acme', 10)).toEqual([makeEvent('event-4')]);
    });
  });

  describe('backlog', () => {
    it('counts what is not settled, from the first on', async () => {
      const all = await withOrgs();
      await write(all, makeEvent('event-1', { at: NOW }), makeEvent('event-2', { at: LATER }));
      await write(all, makeEvent('event-3', { at: LATER }));
      expect(await all.events.backlog('acme')).toEqual({ waiting: 3, oldestAt: NOW });

      await all.events.settle('acme', ['event-1', 'event-2'], LATER);

      expect(await all.events.backlog('acme')).toEqual({ waiting: 1, oldestAt: LATER });
      expect(await all.events.backlog('globex')).toEqual({ waiting: 0, oldestAt: null });
    });
  });

  it('goes with its org', async () => {
    const all = await withOrgs();
    await write(all, makeEvent('event-1'));
    await all.events.addDelivery(makeDelivery());

    await all.orgs.remove('acme', makeEntry());

    expect(await all.events.unsettled('acme', 10)).toEqual([]);
    expect(await all.events.deliveries('acme', ['event-1'])).toEqual([]);
  });
});
