import type { Kysely, Transaction } from 'kysely';
import type { Client, ClientState, ClientStore } from '../delivery/client.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

/** SQLite takes 32,766 parameters; a report may have 1 MiB. */
const ROWS_PER_STATEMENT = 100;

export function clientStore(db: Kysely<Tables>): ClientStore {
  const clients = db.selectFrom('client').selectAll();

  return {
    async find(org, id) {
      const row = await clients.where('org', '=', org).where('id', '=', id).executeTakeFirst();
      return row && toClient(row);
    },

    async findByToken(tokenHash) {
      const row = await clients.where('tokenHash', '=', tokenHash).executeTakeFirst();
      return row && toClient(row);
    },

    async list(org, afterId, limit) {
      const rows = await clients
        .where('org', '=', org)
        .where('id', '>', afterId)
        .where('revokedAt', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toClient);
    },

    insert: (client, entry) =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('client').values(toRow(client)).execute();
        await appendAudit(tx, entry);
      }),

    replace: (client, expected, entry) =>
      db.transaction().execute(async (tx) => {
        const { org, id, ...changes } = toRow(client);
        const { numUpdatedRows } = await tx
          .updateTable('client')
          .set(changes)
          .where('org', '=', org)
          .where('id', '=', id)
          // Compared here, not in the caller: two writers may both have read `expected`.
          .where('version', '=', expected)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    saveStates: (states) => db.transaction().execute((tx) => saveStates(tx, states)),

    findState: (org, clientId) =>
      db
        .selectFrom('clientState')
        .selectAll()
        .where('org', '=', org)
        .where('clientId', '=', clientId)
        .executeTakeFirst(),
  };
}

async function saveStates(tx: Transaction<Tables>, states: readonly ClientState[]): Promise<void> {
  const latest = latestByClient(states);
  for (let i = 0; i < latest.length; i += ROWS_PER_STATEMENT) {
    const known = await onlyKnown(tx, latest.slice(i, i + ROWS_PER_STATEMENT));
    if (known.length > 0) await upsertStates(tx, known);
  }
}

/**
 * One per client, the later: PostgreSQL refuses to update a row twice in one
 * statement. Sorted, so that two processes lock the rows in one order.
 */
function latestByClient(states: readonly ClientState[]): ClientState[] {
  const latest = new Map(states.map((state) => [keyOf(state.org, state.clientId), state]));
  return [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, state]) => state);
}

const keyOf = (org: string, id: string): string => `${org}\0${id}`;

/** Drops reports whose client went with its org meanwhile: the others in the batch are to be kept. */
async function onlyKnown(tx: Transaction<Tables>, states: ClientState[]): Promise<ClientState[]> {
  const rows = await tx
    .selectFrom('client')
    .select(['org', 'id'])
    .where('org', 'in', [...new Set(states.map(({ org }) => org))])
    .where('id', 'in', [...new Set(states.map(({ clientId }) => clientId))])
    .execute();
  const known = new Set(rows.map(({ org, id }) => keyOf(org, id)));
  return states.filter(({ org, clientId }) => known.has(keyOf(org, clientId)));
}

async function upsertStates(tx: Transaction<Tables>, states: ClientState[]): Promise<void> {
  await tx
    .insertInto('clientState')
    .values(states)
    .onConflict((conflict) =>
      conflict.columns(['org', 'clientId']).doUpdateSet((row) => ({
        report: row.ref('excluded.report'),
        reportedAt: row.ref('excluded.reportedAt'),
      })),
    )
    .execute();
}

function toRow(client: Client): Tables['client'] {
  return { ...client, labels: JSON.stringify(client.labels) };
}

function toClient(row: Tables['client']): Client {
  return { ...row, labels: JSON.parse(row.labels) as Record<string, string> };
}
