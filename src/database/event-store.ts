import type { Kysely, Transaction } from 'kysely';
import type { HookEvent } from '../plugin-host/events/event.ts';
import { type EventStore, HOOKS, type HookDelivery } from '../plugin-host/events/event-store.ts';
import { inPortions, SWEPT_AT_ONCE } from './portions.ts';
import type { Tables } from './tables.ts';
import type { Schedule } from './transact.ts';

/** PostgreSQL takes 65,535 parameters in one statement, SQLite half of that. */
const ROWS_AT_ONCE = 1000;

/** Adds events of one org, and the job that tells of them. */
export async function appendEvents(
  tx: Transaction<Tables>,
  events: readonly HookEvent[],
  schedule: Schedule,
): Promise<void> {
  const [first] = events;
  if (!first) return;
  for (let i = 0; i < events.length; i += ROWS_AT_ONCE) {
    await tx
      .insertInto('hookEvent')
      .values(events.slice(i, i + ROWS_AT_ONCE).map(toRow))
      .onConflict((conflict) => conflict.columns(['org', 'mark']).doNothing())
      .execute();
  }
  const { org, at } = first;
  await schedule({ ...HOOKS, org, payload: null, runAt: at }, at);
}

export function eventStore(db: Kysely<Tables>): EventStore {
  return {
    async unsettled(org, limit) {
      const rows = await db
        .selectFrom('hookEvent')
        .selectAll()
        .where('org', '=', org)
        .where('settledAt', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toEvent);
    },

    async deliveries(org, eventIds) {
      if (eventIds.length === 0) return [];
      const rows = await db
        .selectFrom('hookDelivery')
        .selectAll()
        .where('org', '=', org)
        .where('eventId', 'in', eventIds)
        .orderBy('eventId')
        .orderBy('scope')
        .orderBy('binding')
        .execute();
      return rows.map(({ binding: id, ...row }): HookDelivery => ({ ...row, id }));
    },

    async addDelivery({ id: binding, ...delivery }) {
      const { outcome, at, durationMs, error } = delivery;
      await db
        .insertInto('hookDelivery')
        .values({ ...delivery, binding })
        .onConflict((conflict) =>
          conflict
            .columns(['org', 'eventId', 'scope', 'binding'])
            .doUpdateSet({ outcome, at, durationMs, error }),
        )
        .execute();
    },

    async settle(org, eventIds, at) {
      if (eventIds.length === 0) return;
      await db
        .updateTable('hookEvent')
        .set({ settledAt: at })
        .where('org', '=', org)
        .where('id', 'in', eventIds)
        .execute();
    },

    async backlog(org) {
      const { waiting, oldestAt } = await db
        .selectFrom('hookEvent')
        .select(({ fn }) => [fn.countAll().as('waiting'), fn.min('at').as('oldestAt')])
        .where('org', '=', org)
        .where('settledAt', 'is', null)
        .executeTakeFirstOrThrow();
      return { waiting: Number(waiting), oldestAt };
    },

    async sweep(before) {
      await inPortions(() => forgetDeliveries(db, before));
      return await inPortions(() => removeSettled(db, before));
    },
  };
}

async function removeSettled(db: Kysely<Tables>, before: string): Promise<bigint> {
  const { numDeletedRows } = await db
    .deleteFrom('hookEvent')
    .where((eb) =>
      eb(
        eb.refTuple('org', 'id'),
        'in',
        eb
          .selectFrom('hookEvent')
          .select(['org', 'id'])
          .where('settledAt', '<', before)
          .where('mark', 'is', null)
          .limit(SWEPT_AT_ONCE)
          .$asTuple('org', 'id'),
      ),
    )
    .executeTakeFirstOrThrow();
  return numDeletedRows;
}

/** Of events that have to stay. */
async function forgetDeliveries(db: Kysely<Tables>, before: string): Promise<bigint> {
  const { numDeletedRows } = await db
    .deleteFrom('hookDelivery')
    .where((eb) =>
      eb(
        eb.refTuple('org', 'eventId'),
        'in',
        eb
          .selectFrom('hookDelivery as told')
          .innerJoin('hookEvent as event', (join) =>
            join.onRef('event.org', '=', 'told.org').onRef('event.id', '=', 'told.eventId'),
          )
          .select(['told.org', 'told.eventId'])
          .where('event.settledAt', '<', before)
          .where('event.mark', 'is not', null)
          .limit(SWEPT_AT_ONCE)
          .$asTuple('org', 'eventId'),
      ),
    )
    .executeTakeFirstOrThrow();
  return numDeletedRows;
}

const toRow = ({ plugins, environments, data, ...event }: HookEvent): Tables['hookEvent'] => ({
  ...event,
  plugins: JSON.stringify(plugins),
  environments: JSON.stringify(environments),
  data: JSON.stringify(data),
  settledAt: null,
});

const toEvent = ({ settledAt: _settledAt, ...row }: Tables['hookEvent']): HookEvent => ({
  ...row,
  plugins: JSON.parse(row.plugins) as string[],
  environments: JSON.parse(row.environments) as string[],
  data: JSON.parse(row.data) as HookEvent['data'],
});
