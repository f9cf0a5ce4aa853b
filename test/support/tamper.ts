import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What whoever has the server's disk can do to its database. */
export function tamper(dataDir: string, sql: string, ...values: (string | number)[]): void {
  const database = new DatabaseSync(join(dataDir, 'waymark.db'));
  try {
    database.prepare(sql).run(...values);
  } finally {
    database.close();
  }
}
