import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  type TransactionSettings,
} from 'kysely';
import { retryWhileBusy } from './busy.ts';
import { Mutex } from './mutex.ts';
import { isBusy, SqliteConnection } from './sqlite-connection.ts';

interface Files {
  /** Everything that writes, and what a transaction reads. */
  writer: SqliteConnection;
  /** Sees only what is committed, and never waits for a writer. */
  reader: SqliteConnection;
}

/**
 * node:sqlite for Kysely. One connection writes, so transactions take turns:
 * between two awaits of one, another would join it unasked.
 */
export class SqliteDriver implements Driver {
  readonly #path: string;
  readonly #busyForMs: number;
  readonly #turns = new Mutex();
  #files: Files | undefined;

  constructor(path: string, busyForMs: number) {
    this.#path = path;
    this.#busyForMs = busyForMs;
  }

  async init(): Promise<void> {
    const deadlineMs = performance.now() + this.#busyForMs;
    this.#files = await retryWhileBusy(() => openFiles(this.#path), isBusy, deadlineMs);
  }

  async acquireConnection(): Promise<Session> {
    return new Session(this.#files!, this.#turns, this.#busyForMs);
  }

  beginTransaction(session: Session, { accessMode }: TransactionSettings): Promise<void> {
    return accessMode === 'read only' ? session.beginReading(this.#path) : session.begin();
  }

  commitTransaction(session: Session): Promise<void> {
    return session.commit();
  }

  rollbackTransaction(session: Session): Promise<void> {
    return session.rollback();
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#turns.acquire();
    this.#files?.reader.close();
    this.#files?.writer.close();
  }
}

/** What one caller does: single statements, or one transaction. */
class Session implements DatabaseConnection {
  readonly #files: Files;
  readonly #turns: Mutex;
  readonly #busyForMs: number;
  #endTurn: (() => void) | undefined;
  /** Of a transaction that only reads: one moment of the database. */
  #snapshot: SqliteConnection | undefined;

  constructor(files: Files, turns: Mutex, busyForMs: number) {
    this.#files = files;
    this.#turns = turns;
    this.#busyForMs = busyForMs;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { reader, writer } = this.#files;
    if (this.#snapshot) return this.#snapshot.run(query);
    if (this.#endTurn) return writer.run(query);
    if (SelectQueryNode.is(query.query)) return this.#retry(() => reader.run(query));

    const { endTurn, deadlineMs } = await this.#takeTurn();
    try {
      return await retryWhileBusy<QueryResult<R>>(() => writer.run(query), isBusy, deadlineMs);
    } finally {
      endTurn();
    }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery(query);
  }

  async begin(): Promise<void> {
    const { endTurn, deadlineMs } = await this.#takeTurn();
    try {
      // IMMEDIATE: a transaction that first reads could otherwise not write any more.
      await retryWhileBusy(() => this.#files.writer.exec('begin immediate'), isBusy, deadlineMs);
      this.#endTurn = endTurn;
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  /** Nobody waits for it, and it for nobody: it has a connection of its own. */
  async beginReading(path: string): Promise<void> {
    this.#snapshot = await this.#retry(() => {
      const snapshot = new SqliteConnection(path, { readOnly: true });
      snapshot.exec('begin');
      return snapshot;
    });
  }

  async commit(): Promise<void> {
    if (this.#snapshot) return this.#leave();
    this.#files.writer.exec('commit');
    this.#leave();
  }

  async rollback(): Promise<void> {
    if (this.#snapshot) return this.#leave();
    try {
      // A full disk has rolled it back already.
      if (this.#files.writer.isInTransaction) this.#files.writer.exec('rollback');
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#snapshot?.close();
    this.#snapshot = undefined;
    this.#endTurn?.();
    this.#endTurn = undefined;
  }

  /** The deadline counts from the asking, so that waiters do not add up their patience. */
  async #takeTurn(): Promise<{ endTurn: () => void; deadlineMs: number }> {
    const deadlineMs = performance.now() + this.#busyForMs;
    return { endTurn: await this.#turns.acquire(), deadlineMs };
  }

  #retry<T>(attempt: () => T): Promise<T> {
    return retryWhileBusy(attempt, isBusy, performance.now() + this.#busyForMs);
  }
}

function openFiles(path: string): Files {
  const writer = new SqliteConnection(path, { readOnly: false });
  try {
    writer.exec('pragma journal_mode = wal');
    writer.exec('pragma synchronous = full');
    writer.exec('pragma foreign_keys = on');
    // A root key that was taken off the server must not stay in a page's free space.
    writer.exec('pragma secure_delete = on');
    return { writer, reader: new SqliteConnection(path, { readOnly: true }) };
  } catch (error) {
    writer.close();
    throw error;
  }
}
