import type { Transaction } from 'kysely';
import type { DatabaseRestore, DumpedRow } from '../backup/dump.ts';
import { dumpedTables } from './dumped-tables.ts';
import { isMigration, migrate } from './migrate.ts';
import { connectDatabase, type DatabaseLocation } from './open.ts';

/** Tables by names that are only known when it runs. */
type AnyTables = Record<string, Record<string, unknown>>;

/** SQLite takes 32,766 parameters in one statement. */
const MOST_PARAMETERS = 30_000;

export function databaseRestore(location: DatabaseLocation): DatabaseRestore {
  return {
    isKnown: isMigration,

    async fill(schema, rowsOf) {
      const { db, dialect, close } = connectDatabase(location);
      try {
        if ((await db.introspection.getTables()).length > 0) return false;
        await migrate(db, dialect, schema);
        await db.transaction().execute(async (tx) => {
          for (const table of Object.keys(dumpedTables)) {
            const rows = rowsOf(table);
            if (rows) await fillTable(tx as unknown as Transaction<AnyTables>, table, rows);
          }
        });
        await migrate(db, dialect);
        return true;
      } finally {
        await close();
      }
    },
  };
}

async function fillTable(
  tx: Transaction<AnyTables>,
  table: string,
  rows: AsyncIterable<DumpedRow>,
): Promise<void> {
  let part: DumpedRow[] = [];
  const flush = async () => {
    if (part.length > 0) await tx.insertInto(table).values(part).execute();
    part = [];
  };
  for await (const row of rows) {
    part.push(row);
    if (part.length * Object.keys(row).length >= MOST_PARAMETERS) await flush();
  }
  await flush();
}
