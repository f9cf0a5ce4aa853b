import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../src/database/open.ts';
import { createStores, type Stores } from '../src/database/stores.ts';
import type { ClientState } from '../src/delivery/client.ts';
import { createStateWriter } from '../src/delivery/state-writer.ts';
import { temporaryFolder } from '../test/support/git.ts';
import { makeClient, makeEntry, makeOrg } from '../test/support/records.ts';
import { type Figure, figure } from './figure.ts';
import { pluginId } from './registry.ts';
import { alternate, timed } from './sample.ts';

const CLIENTS = 20_000;
/** Reports on their way at the same time. */
const IN_FLIGHT = 1000;
const SINGLE = 1000;
const ROUNDS = 3;

/** Twenty thousand clients report, each acknowledged once durable, against an insert each. */
export async function benchStates(): Promise<Figure[]> {
  const dir = await temporaryFolder('waymark-bench-');
  const database = await openDatabase({ file: join(dir, 'waymark.db') });
  try {
    const stores = createStores(database);
    await stores.orgs.insert(makeOrg('acme'), makeEntry());
    const clients = Array.from({ length: CLIENTS }, () => randomUUID());
    for (const id of clients) await stores.clients.insert(makeClient(id), makeEntry());
    const pair = await alternate(
      ROUNDS,
      () => grouped(stores, clients),
      () => single(stores, clients.slice(0, SINGLE)),
    );
    await checkStored(stores, clients);
    const yardstick = { name: 'an insert each', value: pair.yardstick, unit: 'reports/s' };
    return [
      figure({
        bench: 'states',
        metric: `${CLIENTS.toLocaleString('en')} clients, ${IN_FLIGHT} at a time`,
        value: pair.product,
        unit: 'reports/s',
        yardstick,
        ratio: pair.ratio,
        atLeast: 5,
      }),
    ];
  } finally {
    await database.close();
    await rm(dir, { recursive: true, force: true });
  }
}

let edition = 0;

const reportOf = (clientId: string): ClientState => ({
  org: 'acme',
  clientId,
  report: JSON.stringify({
    edition,
    plugins: Array.from({ length: 10 }, (_, i) => ({
      pluginId: pluginId(i),
      contentDigest: `sha256:${'ab'.repeat(32)}`,
    })),
  }),
  reportedAt: new Date().toISOString(),
});

/** Reports/s through the writer that the server has. */
async function grouped(stores: Stores, clients: readonly string[]): Promise<number> {
  edition += 1;
  const writer = createStateWriter(stores.clients);
  let next = 0;
  const report = async () => {
    while (next < clients.length) await writer.save(reportOf(clients[next++]!));
  };
  const elapsedMs = await timed(() => Promise.all(Array.from({ length: IN_FLIGHT }, report)));
  return (clients.length / elapsedMs) * 1000;
}

async function single(stores: Stores, clients: readonly string[]): Promise<number> {
  const elapsedMs = await timed(async () => {
    for (const id of clients) await stores.clients.saveStates([reportOf(id)]);
  });
  return (clients.length / elapsedMs) * 1000;
}

async function checkStored(stores: Stores, clients: readonly string[]): Promise<void> {
  for (const id of clients) {
    const state = await stores.clients.findState('acme', id);
    const stored = JSON.parse(state?.report ?? '{}') as { edition?: number };
    if (stored.edition !== edition) throw new Error(`the report of ${id} is lost`);
  }
}
