import { expect, it } from 'vitest';
import { readingsOfEvents } from '../../src/service/event-readings.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeEvent, makeMessage, makeOrg } from '../support/records.ts';

const HAPPENED = '2026-03-01T12:00:00.000Z';
const NOW_MS = Date.parse(HAPPENED) + 90_000;

async function read(fill: (stores: ReturnType<typeof createMemoryStores>) => Promise<void>) {
  const stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  await fill(stores);
  const runtimes = { all: () => [{ org: { slug: 'acme' } }] } as never;
  const readings = readingsOfEvents({ ...stores, runtimes, clock: () => NOW_MS });
  const taken = readings.map(async ({ name, read: take }) => [name, await take()] as const);
  return Object.fromEntries(await Promise.all(taken));
}

const labels = { org: 'acme' };
const states = (counts: Record<string, number>) =>
  expect.arrayContaining(
    Object.entries(counts).map(([state, value]) => ({ labels: { org: 'acme', state }, value })),
  ) as unknown;

it('readingsOfEvents tell how much an org has not been told, and since when', async () => {
  const readings = await read(async ({ publications, outbox }) => {
    const none = { pointers: [], releases: [], closes: [], entries: [] };
    const events = [makeEvent('event-1', { at: HAPPENED }), makeEvent('event-2')];
    await publications.project({ ...none, org: 'acme', events });
    await outbox.add(makeMessage('event-1'), HAPPENED);
    await outbox.add(makeMessage('event-1', { id: 'gone' }), HAPPENED);
    await outbox.suspend('acme', { scope: 'org', id: 'gone' }, 'digest', HAPPENED);
  });

  expect(readings).toEqual({
    hook_events_waiting: [{ labels, value: 2 }],
    hook_events_oldest_seconds: [{ labels, value: 90 }],
    webhooks: states({ pending: 1, failed: 1, suspended: 1 }),
    webhooks_oldest_seconds: [{ labels, value: 90 }],
  });
});

it('readingsOfEvents are 0 where everybody has been told', async () => {
  expect(await read(async () => {})).toEqual({
    hook_events_waiting: [{ labels, value: 0 }],
    hook_events_oldest_seconds: [{ labels, value: 0 }],
    webhooks: states({ pending: 0, failed: 0, suspended: 0 }),
    webhooks_oldest_seconds: [{ labels, value: 0 }],
  });
});
