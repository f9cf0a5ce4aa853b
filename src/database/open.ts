import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export interface Database {
  db: Kysely<Tables>;
  dialect: 'sqlite' | 'postgres';
  close(): Promise<void>;
}

/** One of the two: `url` is `postgres://…`, `file` an SQLite path. */
export interface DatabaseLocation {
  url?: string;
  file?: string;
}

/**
 * Opens the database and brings its tables up to date; safe when several processes start at once.
 *
 * @throws {WaymarkError} `RES_UNAVAILABLE`, `RES_STORAGE_FULL`
 */
export async function openDatabase(_location: DatabaseLocation): Promise<Database> {
  throw new Error('not written yet');
}
