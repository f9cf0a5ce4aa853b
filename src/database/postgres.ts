import { type Dialect, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { storageFull } from '../model/storage-full.ts';
import { ownerMissing, unavailable } from './faults.ts';

const INT8 = 20;
const CONNECT_WITHIN_MS = 5_000;

/** PostgreSQL. Its 64-bit integers come as numbers: none of ours passes 2^53. */
export function postgresDialect(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
    },
  });
  // An unheard 'error' ends the process. A lost connection also fails its query,
  // and the pool opens another, so there is nothing more to do about either.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  return new PostgresDialect({ pool: translating(pool) });
}

/** The pool, throwing errors that a caller can act on. */
function translating(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => wrap(await pool.connect().catch(rethrow)),
  };
}

/** Cast, since pg types `query` by a dozen overloads of which kysely calls this one. */
function wrap(client: pg.PoolClient): PostgresPoolClient {
  return {
    query: (sql: string, parameters: unknown[]) => client.query(sql, parameters).catch(rethrow),
    release: (destroy?: boolean) => client.release(destroy),
  } as unknown as PostgresPoolClient;
}

function rethrow(error: Error & { code?: string }): never {
  if (error.code === '53100') throw storageFull(error);
  if (error.code === '23503') throw ownerMissing(error);
  if (isOutage(error)) throw unavailable('cannot be reached', error);
  throw error;
}

/** Class 08 connection failures, 57P0x shutdowns, 53300 no free slot, and what the socket says. */
function isOutage({ code, message }: Error & { code?: string }): boolean {
  if (code !== undefined) return /^(08...|57P0[123]|53300|E[A-Z]+|ENOTFOUND)$/.test(code);
  return /connection (terminated|timeout|error)|timeout exceeded|not queryable/i.test(message);
}

function ignore(): void {}
