import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely';
import type { Fence } from '../model/fence.ts';
import { type Job, type JobOrder, type JobStore, jobId, type RunEnd } from '../queue/job.ts';
import type { Scheduling } from './scheduling.ts';
import type { Tables } from './tables.ts';

const DUE_AT_ONCE = 1000;

export function jobStore(db: Kysely<Tables>, scheduling: Scheduling): JobStore {
  return {
    onScheduled: (listener) => scheduling.onScheduled(listener),

    schedule: (order, now) => scheduleJob(db, order, now),

    async ensure(order, now) {
      await db
        .insertInto('job')
        .values(newRow(order, now))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    },

    async claim(id, now, lockedUntil) {
      const row = await db
        .updateTable('job')
        .set({ state: 'running', lockedUntil, changedAt: now, epoch: sql`epoch + 1` })
        .where('id', '=', id)
        .where(isDue(now, now))
        .returningAll()
        .executeTakeFirst();
      return row && toJob(row);
    },

    async extend(run, lockedUntil) {
      const { numUpdatedRows } = await db
        .updateTable('job')
        .set({ lockedUntil })
        .where(isRunning(run))
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async finish(run, end, now) {
      const row = await db
        .updateTable('job')
        .set({ ...resultOf(end), ...nextTurn(end), changedAt: now })
        .set({ lockedUntil: null, nextRunAt: null })
        .where(isRunning(run))
        .returningAll()
        .executeTakeFirst();
      return row && toJob(row);
    },

    async listDue(now, soon) {
      const rows = await db
        .selectFrom('job')
        .selectAll()
        .where(isDue(now, soon))
        .orderBy('runAt')
        .limit(DUE_AT_ONCE)
        .execute();
      return rows.map(toJob);
    },

    async listTroubled(failures) {
      const rows = await db
        .selectFrom('job')
        .selectAll()
        .where('failures', '>=', failures)
        .orderBy('id')
        .execute();
      return rows.map(toJob);
    },

    async countByState() {
      const rows = await db
        .selectFrom('job')
        .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute();
      return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]));
    },

    async removeEnded(before) {
      const { numDeletedRows } = await db
        .deleteFrom('job')
        .where('state', 'in', ['done', 'failed'])
        .where('changedAt', '<', before)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

/** Also within the transaction of what is to be done. */
export async function scheduleJob(db: Kysely<Tables>, order: JobOrder, now: string): Promise<Job> {
  const row = await db
    .insertInto('job')
    .values(newRow(order, now))
    .onConflict((conflict) => conflict.column('id').doUpdateSet(rescheduled))
    .returningAll()
    .executeTakeFirstOrThrow();
  return toJob(row);
}

/**
 * Whether a run is still its job's last, in the transaction that writes what it
 * found: until the commit no other can begin.
 */
export async function holdsFence(tx: Transaction<Tables>, run: Fence): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('job')
    .set({ epoch: run.epoch })
    .where(isRunning(run))
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

type Where = ExpressionBuilder<Tables, 'job'>;

const isRunning = (run: Fence) => (row: Where) =>
  row.and([row('id', '=', run.id), row('epoch', '=', run.epoch), row('state', '=', 'running')]);

const isDue = (now: string, soon: string) => (row: Where) =>
  row.or([
    row.and([row('state', '=', 'pending'), row('runAt', '<=', soon)]),
    row.and([row('state', '=', 'running'), row('lockedUntil', '<', now)]),
  ]);

/** What a job that exists already becomes when it is asked for. */
const rescheduled = {
  payload: sql<string>`excluded.payload`,
  changedAt: sql<string>`excluded.changed_at`,
  state: sql<Job['state']>`case when job.state = 'running' then 'running' else 'pending' end`,
  failures: sql<number>`case when job.state in ('done', 'failed') then 0 else job.failures end`,
  runAt: sql<string>`case
    when job.state = 'running' or (job.state = 'pending' and job.run_at < excluded.run_at)
    then job.run_at else excluded.run_at end`,
  nextRunAt: sql<string | null>`case
    when job.state <> 'running' then null
    when job.next_run_at < excluded.run_at then job.next_run_at
    else excluded.run_at end`,
};

function resultOf(end: RunEnd) {
  if (end.outcome === 'done') return { failures: 0, lastError: null };
  if (end.outcome === 'released') return {};
  return { failures: sql<number>`failures + 1`, lastError: end.error };
}

/** What was asked for during the run goes before its own next turn. */
function nextTurn({ outcome, againAt }: RunEnd) {
  if (againAt !== null) {
    return { state: 'pending' as const, runAt: sql<string>`coalesce(next_run_at, ${againAt})` };
  }
  const ended = sql.lit(outcome);
  return {
    state: sql<Job['state']>`case when next_run_at is null then ${ended} else 'pending' end`,
    runAt: sql<string>`coalesce(next_run_at, run_at)`,
  };
}

const newRow = (order: JobOrder, now: string): Tables['job'] => ({
  ...order,
  id: jobId(order),
  payload: JSON.stringify(order.payload),
  state: 'pending',
  epoch: 0,
  failures: 0,
  nextRunAt: null,
  lockedUntil: null,
  lastError: null,
  changedAt: now,
});

const toJob = ({ payload, ...row }: Tables['job']): Job => ({
  ...row,
  payload: JSON.parse(payload) as unknown,
});
