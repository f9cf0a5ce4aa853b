import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, inject } from 'vitest';
import { type Database, openDatabase } from '../../src/database/open.ts';
import { createStores, type Stores } from '../../src/database/stores.ts';
import { createMemoryStores } from './fakes/memory-stores.ts';
import { createTestDatabase } from './postgres.ts';

/** The PostgreSQL server for tests; undefined where it cannot be had, an error under CI=true. */
export const postgresServer = (): Promise<string | undefined> => sharedServer('postgres');

/** The Redis server for tests, with what others store beside; undefined as for PostgreSQL. */
export const redisServer = (): Promise<string | undefined> => sharedServer('redis');

async function sharedServer(kind: 'postgres' | 'redis'): Promise<string | undefined> {
  const answer = await fetch(`${inject('starter')}/${kind}`);
  const text = await answer.text();
  if (answer.ok) return text;
  if (answer.status !== 404 || process.env['CI'] === 'true') throw new Error(text);
  console.warn(`skipped: ${text}`);
  return undefined;
}

export interface OpenedDatabase {
  database: Database;
  /** Another connection to the same, as another process would have. */
  openAgain: () => Promise<Database>;
  close: () => Promise<void>;
}

export async function openSqlite(): Promise<OpenedDatabase & { file: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-sqlite-'));
  const file = join(dir, 'waymark.db');
  const openAgain = () => openDatabase({ file });
  const database = await openAgain();
  const close = async () => {
    await database.close();
    await rm(dir, { recursive: true });
  };
  return { file, database, openAgain, close };
}

export async function openPostgres(server: string): Promise<OpenedDatabase & { url: string }> {
  const { url, drop } = await createTestDatabase(server);
  const openAgain = () => openDatabase({ url });
  const database = await openAgain();
  const close = async () => {
    await database.close();
    await drop();
  };
  return { url, database, openAgain, close };
}

/** Runs `suite` on SQLite and on PostgreSQL, each time with one database, emptied between tests. */
export async function onEveryDatabase(
  name: string,
  suite: (opened: () => OpenedDatabase) => void,
): Promise<void> {
  const server = await postgresServer();
  const run = (title: string, open: () => Promise<OpenedDatabase>) =>
    describe(title, () => {
      let opened: OpenedDatabase;
      beforeAll(async () => {
        opened = await open();
      });
      beforeEach(() => empty(opened.database));
      afterAll(() => opened.close());
      suite(() => opened);
    });
  run(`${name} (SQLite)`, openSqlite);
  if (server === undefined) describe.skip(`${name} (PostgreSQL, which is not installed)`);
  else run(`${name} (PostgreSQL)`, () => openPostgres(server));
}

/** Runs a port's contract on the fake in memory and on both databases. */
export async function contract(port: string, suite: (stores: () => Stores) => void): Promise<void> {
  describe(`${port} (memory)`, () => {
    let stores: Stores;
    beforeEach(() => {
      stores = createMemoryStores();
    });
    suite(() => stores);
  });
  await onEveryDatabase(port, (opened) => suite(() => createStores(opened().database)));
}

const TABLES = [
  'org',
  'apiKey',
  'keptAnswer',
  'user',
  'lockout',
  'audit',
  'sealedPacket',
  'job',
  'tokenKey',
  'hostPlugin',
] as const;

/** Orgs and users take what belongs to them along. */
async function empty({ db }: Database): Promise<void> {
  for (const table of TABLES) {
    await db.deleteFrom(table).execute();
  }
}
