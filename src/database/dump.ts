import { type Kysely, sql, type Transaction } from 'kysely';
import type { DatabaseDump, DumpedRow } from '../backup/dump.ts';
import { dumpedTables } from './dumped-tables.ts';
import { newestMigration } from './migrate.ts';
import type { Tables } from './tables.ts';

const PART = 1000;

/** Tables by names that are only known when it runs. */
type AnyTables = Record<string, Record<string, unknown>>;

export function databaseDump(db: Kysely<Tables>): DatabaseDump {
  return {
    schema: newestMigration,

    async read(take) {
      // All that is read in it is of one moment, and it keeps nobody from writing.
      const snapshot = db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only');
      await snapshot.execute(async (tx) => {
        for (const [table, key] of Object.entries(dumpedTables)) {
          if (key) await take(table, rowsOf(tx as unknown as Transaction<AnyTables>, table, key));
        }
      });
    },
  };
}

/** Part by part, each behind the last row of the one before. */
async function* rowsOf(
  tx: Transaction<AnyTables>,
  table: string,
  key: readonly string[],
): AsyncGenerator<DumpedRow> {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  let last: DumpedRow | undefined;
  do {
    let query = tx.selectFrom(table).selectAll().limit(PART);
    for (const column of key) query = query.orderBy(column);
    if (last) {
      const values = key.map((column) => last![column]);
      query = query.where(sql<boolean>`(${columns}) > (${sql.join(values)})`);
    }
    const rows = (await query.execute()) as DumpedRow[];
    yield* rows;
    last = rows.length === PART ? rows.at(-1) : undefined;
  } while (last);
}
