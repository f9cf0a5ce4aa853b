import { type Dialect, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { SqliteDriver } from './sqlite-driver.ts';

/** SQLite through Node's own `node:sqlite`. */
export function sqliteDialect(path: string, busyForMs: number): Dialect {
  return {
    createDriver: () => new SqliteDriver(path, busyForMs),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new WalAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class WalAdapter extends SqliteAdapter {
  // Kysely would else make every read wait for a running transaction.
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  // SQLite does roll back `create table`. Kysely then migrates inside one
  // transaction, which is also what holds a second process back.
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}
