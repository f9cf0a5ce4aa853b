import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import {
  branchOf,
  type ChangeRequest,
  type ChangeRequestStore,
  type PendingStep,
} from '../changes/change-request.ts';
import { appendAudit } from './audit-store.ts';
import { isPostgres } from './dialect.ts';
import { appendEvents } from './event-store.ts';
import { selectPage } from './listing.ts';
import type { Scheduling } from './scheduling.ts';
import type { Tables } from './tables.ts';
import { transactWithJobs } from './transact.ts';

const ACTIVE = ['draft', 'open'] as const;

export function changeRequestStore(db: Kysely<Tables>, scheduling: Scheduling): ChangeRequestStore {
  const requests = db.selectFrom('changeRequest').selectAll();

  return {
    async find(org, number) {
      const row = await requests
        .where('org', '=', org)
        .where('number', '=', number)
        .executeTakeFirst();
      return row && toRequest(row);
    },

    async list(org, listing) {
      const found = requests.where('org', '=', org);
      const { items, totalItems } = await selectPage(db, found, listing, { id: 'number' });
      return { items: items.map(toRequest), totalItems };
    },

    async active(org) {
      const rows = await requests
        .where('org', '=', org)
        .where('status', 'in', ACTIVE)
        .orderBy('number')
        .execute();
      return rows.map(toRequest);
    },

    insert: (request, entryOf, eventsOf = () => []) =>
      transactWithJobs(db, scheduling, async (tx, schedule) => {
        const number = await nextNumber(tx, request.org);
        const made = { ...request, number, source: request.source ?? branchOf(number) };
        if (await isTaken(tx, made)) return undefined;
        await tx.insertInto('changeRequest').values(toRow(made)).execute();
        await appendEvents(tx, eventsOf(made), schedule);
        await appendAudit(tx, entryOf(made));
        return made;
      }),

    replace: (request, expected, entry, events = []) =>
      transactWithJobs(db, scheduling, async (tx, schedule) => {
        const { org, number, ...changes } = toRow(request);
        const { numUpdatedRows } = await tx
          .updateTable('changeRequest')
          .set(changes)
          .where('org', '=', org)
          .where('number', '=', number)
          // Compared here, not in the caller: two writers may both have read `expected`.
          .where('version', '=', expected)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendEvents(tx, events, schedule);
        if (entry) await appendAudit(tx, entry);
        return true;
      }),

    follow: (requests, entry) =>
      db.transaction().execute(async (tx) => {
        for (const request of requests) {
          const { org: _org, number: _number, version: _version, ...changes } = toRow(request);
          await tx
            .insertInto('changeRequest')
            .values(toRow(request))
            .onConflict((conflict) =>
              conflict
                .columns(['org', 'number'])
                .doUpdateSet((row) => ({
                  ...changes,
                  version: row('changeRequest.version', '+', 1),
                }))
                .where(hasChanged(changes)),
            )
            .execute();
        }
        if (entry) await appendAudit(tx, entry);
      }),

    reviews: (org, number) =>
      db
        .selectFrom('changeReview')
        .selectAll()
        .where('org', '=', org)
        .where('number', '=', number)
        .orderBy('id')
        .execute(),

    addReview: (review, entry, events = []) =>
      transactWithJobs(db, scheduling, async (tx, schedule) => {
        await tx.insertInto('changeReview').values(review).execute();
        await appendEvents(tx, events, schedule);
        await appendAudit(tx, entry);
      }),
  };
}

/** Whatever else changes of a pull request, its time does. */
const hasChanged =
  ({ updatedAt, head, status }: Pick<ChangeRequest, 'updatedAt' | 'head' | 'status'>) =>
  (row: ExpressionBuilder<Tables, 'changeRequest'>) =>
    row.or([
      row('changeRequest.updatedAt', '<>', updatedAt),
      row('changeRequest.head', '<>', head),
      row('changeRequest.status', '<>', status),
    ]);

/** Read under a lock on the org, so that two requests never get one number. */
async function nextNumber(tx: Transaction<Tables>, org: string): Promise<number> {
  if (isPostgres(tx)) {
    await tx.selectFrom('org').select('slug').where('slug', '=', org).forNoKeyUpdate().execute();
  }
  const { last } = await tx
    .selectFrom('changeRequest')
    .select((query) => query.fn.max('number').as('last'))
    .where('org', '=', org)
    .executeTakeFirstOrThrow();
  return Number(last ?? 0) + 1;
}

async function isTaken(
  tx: Transaction<Tables>,
  { org, source }: Pick<ChangeRequest, 'org' | 'source'>,
): Promise<boolean> {
  const other = await tx
    .selectFrom('changeRequest')
    .select('number')
    .where('org', '=', org)
    .where('source', '=', source)
    .where('status', 'in', ACTIVE)
    .executeTakeFirst();
  return other !== undefined;
}

function toRow(request: ChangeRequest): Tables['changeRequest'] {
  return { ...request, pending: request.pending && JSON.stringify(request.pending) };
}

function toRequest(row: Tables['changeRequest']): ChangeRequest {
  return {
    ...row,
    pending: row.pending === null ? null : (JSON.parse(row.pending) as PendingStep),
  };
}
