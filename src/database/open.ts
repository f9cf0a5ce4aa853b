import { CamelCasePlugin, type Dialect, Kysely } from 'kysely';
import type { DialectName } from './dialect.ts';
import { surviveFileSizeLimit } from './faults.ts';
import { migrate } from './migrate.ts';
import { postgresDialect } from './postgres.ts';
import { sqliteDialect } from './sqlite.ts';
import type { Tables } from './tables.ts';

export interface Database {
  db: Kysely<Tables>;
  dialect: DialectName;
  close: () => Promise<void>;
}

/** One of the two: `url` is `postgres://…`, `file` an SQLite path. */
export interface DatabaseLocation {
  url?: string;
  file?: string;
  /** How long a writer waits for another process's SQLite lock. */
  busyForMs?: number;
}

/**
 * Opens the database and brings its tables up to date; safe when several processes start at once.
 *
 * @throws {WaymarkError} `RES_UNAVAILABLE`, `RES_STORAGE_FULL`
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  const { url, file, busyForMs = 5_000 } = location;
  if (url !== undefined) return open('postgres', postgresDialect(url));
  if (file === undefined) throw new TypeError('neither a database url nor a file is given');
  surviveFileSizeLimit();
  return open('sqlite', sqliteDialect(file, busyForMs));
}

async function open(name: DialectName, dialect: Dialect): Promise<Database> {
  const db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] });
  try {
    await migrate(db, name);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, dialect: name, close: () => db.destroy() };
}
