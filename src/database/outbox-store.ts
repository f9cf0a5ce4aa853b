import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import type { BindingRef } from '../plugin-host/contract/wire.ts';
import type { WireEvent } from '../plugin-host/events/event.ts';
import {
  OUTBOX,
  type OutboxBacklog,
  type OutboxKey,
  type OutboxMessage,
  type OutboxStore,
  type OutboxSummary,
} from '../plugin-host/events/outbox.ts';
import { appendAudit } from './audit-store.ts';
import { inPortions, SWEPT_AT_ONCE } from './portions.ts';
import type { Scheduling } from './scheduling.ts';
import type { Tables } from './tables.ts';
import { transactWithJobs } from './transact.ts';

export function outboxStore(db: Kysely<Tables>, scheduling: Scheduling): OutboxStore {
  return {
    add: (message, jobAt) =>
      transactWithJobs(db, scheduling, async (tx, schedule) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('outboxMessage')
          .values(toRow(message))
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        const { org, changedAt } = message;
        if (numInsertedOrUpdatedRows === 0n) return;
        await schedule({ ...OUTBOX, org, payload: null, runAt: jobAt }, changedAt);
      }),

    async claim(key, now, until) {
      const row = await db
        .updateTable('outboxMessage')
        .set({ dueAt: until, changedAt: now })
        .where(isMessage(key))
        .where('state', '=', 'pending')
        .where('dueAt', '<=', now)
        .returningAll()
        .executeTakeFirst();
      return row && toMessage(row);
    },

    finish: (key, end) =>
      transactWithJobs(db, scheduling, async (tx, schedule) => {
        await tx
          .updateTable('outboxMessage')
          .set((row) => ({ ...end, attempts: row('attempts', '+', 1) }))
          .where(isMessage(key))
          .execute();
        if (end.state !== 'pending') return;
        const { dueAt: runAt, changedAt } = end;
        await schedule({ ...OUTBOX, org: key.org, payload: null, runAt }, changedAt);
      }),

    async listDue(org, now, limit) {
      const rows = await pending(db, org)
        .selectAll()
        .where('dueAt', '<=', now)
        .orderBy('dueAt')
        .orderBy('eventId')
        .orderBy('scope')
        .orderBy('binding')
        .limit(limit)
        .execute();
      return rows.map(toMessage);
    },

    async nextDue(org) {
      const { dueAt } = await pending(db, org)
        .select((query) => query.fn.min('dueAt').as('dueAt'))
        .executeTakeFirstOrThrow();
      return dueAt ?? undefined;
    },

    summary: (org, binding) => summarize(db, org, binding),

    suspend: (org, { scope, id: binding }, urlDigest, since) =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto('outboxSuspension')
          .values({ org, scope, binding, urlDigest, since })
          .onConflict((conflict) =>
            conflict.columns(['org', 'scope', 'binding']).doUpdateSet({ urlDigest, since }),
          )
          .execute();
        await giveUpPending(tx, org, { scope, id: binding }, since);
      }),

    async suspendedUrl(org, binding) {
      return (await findSuspension(db, org, binding))?.urlDigest;
    },

    resume: (org, { scope, id }, entry) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('outboxSuspension')
          .where('org', '=', org)
          .where('scope', '=', scope)
          .where('binding', '=', id)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) return false;
        if (entry) await appendAudit(tx, entry);
        return true;
      }),

    backlog: (org) => backlogOf(db, org),

    sweep: (before) => inPortions(() => removeEnded(db, before)),
  };
}

async function removeEnded(db: Kysely<Tables>, before: string): Promise<bigint> {
  const { numDeletedRows } = await db
    .deleteFrom('outboxMessage')
    .where((eb) =>
      eb(
        eb.refTuple('org', 'scope', 'binding', 'eventId'),
        'in',
        eb
          .selectFrom('outboxMessage')
          .select(['org', 'scope', 'binding', 'eventId'])
          .where('state', '<>', 'pending')
          .where('changedAt', '<', before)
          .limit(SWEPT_AT_ONCE)
          .$asTuple('org', 'scope', 'binding', 'eventId'),
      ),
    )
    .executeTakeFirstOrThrow();
  return numDeletedRows;
}

async function backlogOf(db: Kysely<Tables>, org: string): Promise<OutboxBacklog> {
  const counts = await db
    .selectFrom('outboxMessage')
    .select(['state', ({ fn }) => fn.countAll().as('count')])
    .where('org', '=', org)
    .where('state', 'in', ['pending', 'failed'])
    .groupBy('state')
    .execute();
  const { suspended } = await db
    .selectFrom('outboxSuspension')
    .select(({ fn }) => fn.countAll().as('suspended'))
    .where('org', '=', org)
    .executeTakeFirstOrThrow();
  // Ids of events are in the order of time.
  const oldest = await pending(db, org).select('event').orderBy('eventId').limit(1).execute();
  const [event] = oldest.map((row) => JSON.parse(row.event) as WireEvent);
  return {
    pending: 0,
    failed: 0,
    ...Object.fromEntries(counts.map(({ state, count }) => [state, Number(count)])),
    suspended: Number(suspended),
    oldestAt: event?.timestamp ?? null,
  };
}

async function giveUpPending(
  tx: Transaction<Tables>,
  org: string,
  { scope, id }: BindingRef,
  at: string,
): Promise<void> {
  await tx
    .updateTable('outboxMessage')
    .set({ state: 'failed', changedAt: at })
    .where('org', '=', org)
    .where('scope', '=', scope)
    .where('binding', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

async function summarize(
  db: Kysely<Tables>,
  org: string,
  binding: BindingRef,
): Promise<OutboxSummary> {
  const own = db
    .selectFrom('outboxMessage')
    .where('org', '=', org)
    .where('scope', '=', binding.scope)
    .where('binding', '=', binding.id);
  const counts = await own
    .select(['state', (query) => query.fn.countAll().as('count')])
    .groupBy('state')
    .execute();
  const { nextAttemptAt } = await own
    .select((query) => query.fn.min('dueAt').as('nextAttemptAt'))
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow();
  const last = await own
    .select(['lastStatus', 'lastError'])
    .where('attempts', '>', 0)
    .orderBy('changedAt', 'desc')
    .orderBy('eventId', 'desc')
    .limit(1)
    .executeTakeFirst();
  const suspension = await findSuspension(db, org, binding);
  return {
    pending: 0,
    sent: 0,
    failed: 0,
    ...Object.fromEntries(counts.map(({ state, count }) => [state, Number(count)])),
    nextAttemptAt,
    lastStatus: last?.lastStatus ?? null,
    lastError: last?.lastError ?? null,
    suspendedSince: suspension?.since ?? null,
  };
}

const pending = (db: Kysely<Tables>, org: string) =>
  db.selectFrom('outboxMessage').where('org', '=', org).where('state', '=', 'pending');

const findSuspension = (db: Kysely<Tables>, org: string, { scope, id }: BindingRef) =>
  db
    .selectFrom('outboxSuspension')
    .select(['urlDigest', 'since'])
    .where('org', '=', org)
    .where('scope', '=', scope)
    .where('binding', '=', id)
    .executeTakeFirst();

const isMessage =
  ({ org, scope, id, eventId }: OutboxKey) =>
  (row: ExpressionBuilder<Tables, 'outboxMessage'>) =>
    row.and({ org, scope, binding: id, eventId });

const toRow = ({ id: binding, event, ...message }: OutboxMessage): Tables['outboxMessage'] => ({
  ...message,
  binding,
  event: JSON.stringify(event),
});

const toMessage = ({ binding: id, ...row }: Tables['outboxMessage']): OutboxMessage => ({
  ...row,
  id,
  event: JSON.parse(row.event) as WireEvent,
});
