import { describe, expect, it } from 'vitest';
import { createStores } from '../../src/database/stores.ts';
import type { ClientState } from '../../src/delivery/client.ts';
import { createStateWriter } from '../../src/delivery/state-writer.ts';
import { openSqlite } from '../support/backends.ts';
import { makeClient, makeEntry, makeOrg } from '../support/records.ts';

const report = (clientId: string, text = '{}'): ClientState => ({
  org: 'acme',
  clientId,
  report: text,
  reportedAt: '2026-03-02T08:00:00.000Z',
});

/** Remembers its batches; each is stored when the test says so. */
function recordingStore() {
  const batches: { ids: string[]; done: PromiseWithResolvers<void> }[] = [];
  const saveStates = (states: readonly ClientState[]): Promise<void> => {
    const done = Promise.withResolvers<void>();
    batches.push({ ids: states.map(({ clientId }) => clientId), done });
    return done.promise;
  };
  return { batches, saveStates };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('save', () => {
  it('puts the reports of a few milliseconds into one transaction', async () => {
    const stored: string[][] = [];
    const writer = createStateWriter({
      saveStates: async (states) => void stored.push(states.map(({ clientId }) => clientId)),
    });

    await Promise.all([writer.save(report('a')), writer.save(report('b'))]);
    await writer.save(report('c'));

    expect(stored).toEqual([['a', 'b'], ['c']]);
  });

  it('does not wait once the batch is full', async () => {
    const store = recordingStore();
    const writer = createStateWriter(store, { maxDelayMs: 3_600_000, maxBatch: 2 });

    const saves = [writer.save(report('a')), writer.save(report('b'))];
    await tick();

    expect(store.batches.map(({ ids }) => ids)).toEqual([['a', 'b']]);
    store.batches[0]!.done.resolve();
    await Promise.all(saves);
  });

  it('resolves after the commit and not before', async () => {
    const store = recordingStore();
    const writer = createStateWriter(store, { maxBatch: 1 });
    let isAcknowledged = false;

    const save = writer.save(report('a')).then(() => {
      isAcknowledged = true;
    });
    await tick();
    expect(store.batches).toHaveLength(1);
    expect(isAcknowledged).toBe(false);

    store.batches[0]!.done.resolve();
    await save;
    expect(isAcknowledged).toBe(true);
  });

  it('stores one batch after the other, so that the later report of a client stays', async () => {
    const store = recordingStore();
    const writer = createStateWriter(store, { maxBatch: 1 });

    const saves = [writer.save(report('a', '1')), writer.save(report('a', '2'))];
    await tick();
    expect(store.batches).toHaveLength(1);

    store.batches[0]!.done.resolve();
    await saves[0];
    await tick();
    expect(store.batches).toHaveLength(2);
    store.batches[1]!.done.resolve();
    await saves[1];
  });

  it('rejects every report of a batch that failed, and stores the next', async () => {
    const store = recordingStore();
    const writer = createStateWriter(store, { maxBatch: 2 });
    const failed = Promise.allSettled([writer.save(report('a')), writer.save(report('b'))]);
    const next = Promise.all([writer.save(report('c')), writer.save(report('d'))]);

    await tick();
    store.batches[0]!.done.reject(new Error('disk full'));

    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await tick();
    store.batches[1]!.done.resolve();
    await expect(next).resolves.toHaveLength(2);
  });

  it('takes a thousand reports in a few transactions, every one stored', async () => {
    const { database, close } = await openSqlite();
    const { orgs, clients } = createStores(database);
    await orgs.insert(makeOrg('acme'), makeEntry());
    const ids = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    await Promise.all(ids.map((id) => clients.insert(makeClient(id), makeEntry())));
    let transactions = 0;
    const writer = createStateWriter({
      saveStates(states) {
        transactions += 1;
        return clients.saveStates(states);
      },
    });

    await Promise.all(ids.map((id) => writer.save(report(id, `{"of":"${id}"}`))));

    expect(transactions).toBeLessThanOrEqual(3);
    for (const id of ids) {
      expect((await clients.findState('acme', id))?.report).toBe(`{"of":"${id}"}`);
    }
    await close();
  });
});
