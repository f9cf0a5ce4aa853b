import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { CompiledQuery, QueryResult } from 'kysely';
import { LRUCache } from 'lru-cache';
import { storageFull } from '../model/storage-full.ts';
import { ownerMissing } from './faults.ts';

const BUSY = 5;
const FULL = 13;
const IOERR_WRITE = 778;
const IOERR_TRUNCATE = 1546;
const IOERR_SHMSIZE = 4874;
const CONSTRAINT_FOREIGNKEY = 787;

const KEPT_STATEMENTS = 500;

/** One open SQLite file. Every call is synchronous and one statement long. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new LRUCache<string, StatementSync>({ max: KEPT_STATEMENTS });

  constructor(file: string, options: { readOnly: boolean }) {
    this.#database = new DatabaseSync(file, { ...options, timeout: 0 });
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw translated(error);
    }
  }

  run<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    try {
      const statement = this.#prepare(sql);
      const values = parameters as SQLInputValue[];
      if (statement.columns().length > 0) return { rows: statement.all(...values) as R[] };

      const { changes } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes) };
    } catch (error) {
      throw translated(error);
    }
  }

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && (code & 0xff) === BUSY;
}

function translated(error: unknown): unknown {
  switch (resultCode(error)) {
    case FULL:
    case IOERR_WRITE:
    case IOERR_TRUNCATE:
    case IOERR_SHMSIZE:
      return storageFull(error);
    case CONSTRAINT_FOREIGNKEY:
      return ownerMissing(error);
    default:
      return error;
  }
}

/** SQLite's extended result code, if the error is one of SQLite's. */
function resultCode(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode;
}
