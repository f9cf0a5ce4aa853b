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
  const database = connectDatabase(location);
  try {
    await migrate(database.db, database.dialect);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** With whatever tables are there. */
export function connectDatabase(location: DatabaseLocation): Database {
  const { url, file, busyForMs = 5_000 } = location;
  if (url !== undefined) return connect('postgres', postgresDialect(url));
  if (file === undefined) throw new TypeError('neither a database url nor a file is given');
  surviveFileSizeLimit();
  return connect('sqlite', sqliteDialect(file, busyForMs));
}

function connect(name: DialectName, dialect: Dialect): Database {
  const db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] });
  return { db, dialect: name, close: () => db.destroy() };
}
