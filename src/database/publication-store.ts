import type { Kysely, Transaction } from 'kysely';
import type {
  ActivePointer,
  Intent,
  Projection,
  PublicationStore,
} from '../delivery/publication.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { appendAudit } from './audit-store.ts';
import { appendEvents } from './event-store.ts';
import type { Scheduling } from './scheduling.ts';
import type { Tables } from './tables.ts';
import { type Schedule, transactWithJobs } from './transact.ts';

export function publicationStore(db: Kysely<Tables>, scheduling: Scheduling): PublicationStore {
  return {
    async pointers(org) {
      const rows = await db
        .selectFrom('activePointer')
        .selectAll()
        .where('org', '=', org)
        .orderBy('channel')
        .execute();
      return rows.map(toPointer);
    },

    releases: (org) =>
      db
        .selectFrom('release')
        .selectAll()
        .where('org', '=', org)
        .orderBy('publishedAt')
        .orderBy('tag')
        .orderBy('plugin')
        .execute(),

    async openIntents(intents) {
      if (intents.length === 0) return;
      await db.insertInto('intent').values(intents.map(toIntentRow)).execute();
    },

    async pendingIntents(org) {
      const rows = await db
        .selectFrom('intent')
        .selectAll()
        .where('org', '=', org)
        .orderBy('createdAt')
        .orderBy('opId')
        .execute();
      return rows.map(toIntent);
    },

    async dropIntents(opIds) {
      if (opIds.length === 0) return;
      await db.deleteFrom('intent').where('opId', 'in', opIds).execute();
    },

    async project(projection) {
      try {
        await transactWithJobs(db, scheduling, (tx, schedule) => project(tx, projection, schedule));
        return true;
      } catch (error) {
        if (error instanceof Overtaken) return false;
        throw error;
      }
    },
  };
}

/** Thrown to roll a projection back. */
class Overtaken extends Error {}

async function project(
  tx: Transaction<Tables>,
  projection: Projection,
  schedule: Schedule,
): Promise<void> {
  await movePointers(tx, projection.pointers);
  if (projection.releases.length > 0) {
    await tx
      .insertInto('release')
      .values([...projection.releases])
      .onConflict((conflict) => conflict.columns(['org', 'tag', 'plugin']).doNothing())
      .execute();
  }
  const closed = await closeIntents(tx, projection.closes);
  await appendEvents(tx, projection.events ?? [], schedule);
  for (const [i, entry] of projection.entries.entries()) {
    const opId = projection.closes[i];
    // A retry after a crash: whoever closed the intent wrote its entry too.
    if (opId === undefined || closed.has(opId)) await appendAudit(tx, entry);
  }
}

/** In one order for all, or two projections could lock each other's next row. */
async function movePointers(tx: Transaction<Tables>, moves: Projection['pointers']): Promise<void> {
  const ordered = moves.toSorted((a, b) => (a.next.channel < b.next.channel ? -1 : 1));
  for (const { next, expectedSequence } of ordered) {
    const isMoved =
      expectedSequence === 0
        ? await insertPointer(tx, next)
        : await updatePointer(tx, next, expectedSequence);
    if (!isMoved) throw new Overtaken();
  }
}

async function insertPointer(tx: Transaction<Tables>, next: ActivePointer): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('activePointer')
    .values(toPointerRow(next))
    .onConflict((conflict) => conflict.columns(['org', 'channel']).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

async function updatePointer(
  tx: Transaction<Tables>,
  next: ActivePointer,
  expectedSequence: number,
): Promise<boolean> {
  const { org, channel, ...changes } = toPointerRow(next);
  const { numUpdatedRows } = await tx
    .updateTable('activePointer')
    .set(changes)
    .where('org', '=', org)
    .where('channel', '=', channel)
    .where('sequence', '=', expectedSequence)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** The ones of them that were still open. */
async function closeIntents(
  tx: Transaction<Tables>,
  opIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (opIds.length === 0) return new Set();
  const rows = await tx.deleteFrom('intent').where('opId', 'in', opIds).returning('opId').execute();
  return new Set(rows.map(({ opId }) => opId));
}

function toPointerRow(pointer: ActivePointer): Tables['activePointer'] {
  return { ...pointer, diagnostics: JSON.stringify(pointer.diagnostics) };
}

function toPointer(row: Tables['activePointer']): ActivePointer {
  return { ...row, diagnostics: JSON.parse(row.diagnostics) as Diagnostic[] };
}

function toIntentRow({ requestId, ...intent }: Intent): Tables['intent'] {
  return { ...intent, requestId: requestId ?? null };
}

function toIntent({ requestId, ...row }: Tables['intent']): Intent {
  return requestId === null ? row : { ...row, requestId };
}
