import { type Kysely, sql, type Transaction } from 'kysely';
import type { KvPlace, KvStore } from '../plugin-host/callbacks/kv-store.ts';
import { isPostgres } from './dialect.ts';
import type { Tables } from './tables.ts';

export function pluginValueStore(db: Kysely<Tables>): KvStore {
  return {
    async find(place, key) {
      const row = await valuesIn(db, place)
        .select('value')
        .where('key', '=', key)
        .executeTakeFirst();
      return row?.value;
    },

    put: (place, key, value, limitBytes) =>
      db.transaction().execute(async (tx) => {
        const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
        await takeTurns(tx, place);
        const { used } = await valuesIn(tx, place)
          .select((query) => query.fn.sum('bytes').as('used'))
          .where('key', '<>', key)
          .executeTakeFirstOrThrow();
        if (Number(used ?? 0) + bytes > limitBytes) return false;
        await tx
          .insertInto('pluginValue')
          .values({ ...place, key, value, bytes })
          .onConflict((conflict) =>
            conflict
              .columns(['org', 'source', 'pluginId', 'scope', 'binding', 'key'])
              .doUpdateSet({ value, bytes }),
          )
          .execute();
        return true;
      }),

    async remove(place, key) {
      let removing = db.deleteFrom('pluginValue').where('key', '=', key);
      for (const [column, value] of columnsOf(place)) removing = removing.where(column, '=', value);
      return (await removing.executeTakeFirstOrThrow()).numDeletedRows > 0n;
    },

    async keys(place, { prefix, after, limit }) {
      const rows = await valuesIn(db, place)
        .select('key')
        .where('key', '>', after)
        .where((row) =>
          row(sql<string>`substr(key, 1, ${sql.lit(Array.from(prefix).length)})`, '=', prefix),
        )
        .orderBy('key')
        .limit(limit)
        .execute();
      return rows.map(({ key }) => key);
    },

    bindings: (org) =>
      db
        .selectFrom('pluginValue')
        .select(['scope', 'binding as id'])
        .distinct()
        .where('org', '=', org)
        .execute(),

    async clear(org, { scope, id }) {
      await db
        .deleteFrom('pluginValue')
        .where('org', '=', org)
        .where('scope', '=', scope)
        .where('binding', '=', id)
        .execute();
    },
  };
}

const columnsOf = ({ org, source, pluginId, scope, binding }: KvPlace) =>
  Object.entries({ org, source, pluginId, scope, binding }) as [keyof KvPlace, string][];

function valuesIn(db: Kysely<Tables>, place: KvPlace) {
  let query = db.selectFrom('pluginValue');
  for (const [column, value] of columnsOf(place)) query = query.where(column, '=', value);
  return query;
}

/** So that two writers do not both find room for the last byte. SQLite's take turns anyhow. */
async function takeTurns(tx: Transaction<Tables>, place: KvPlace): Promise<void> {
  if (!isPostgres(tx)) return;
  const name = JSON.stringify(columnsOf(place));
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 15))`.execute(tx);
}
