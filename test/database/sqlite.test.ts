import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { openSqlite } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

type Opened = Awaited<ReturnType<typeof openSqlite>>;
let opened: Opened;

beforeEach(async () => {
  opened = await openSqlite();
});
afterEach(() => opened.close());

const insertOrg = (slug: string, database = opened.database) =>
  database.db.insertInto('org').values(makeOrg(slug)).execute();

const slugs = async (): Promise<string[]> =>
  (await createStores(opened.database).orgs.list()).map(({ slug }) => slug);

describe('the SQLite file', () => {
  it('has the settings that durability rests on', async () => {
    const setting = async (name: string) => {
      const { rows } = await sql
        .raw<Record<string, unknown>>(`pragma ${name}`)
        .execute(opened.database.db);
      return Object.values(rows[0]!)[0];
    };

    expect(await setting('journal_mode')).toBe('wal');
    expect(await setting('synchronous')).toBe(2);
    expect(await setting('foreign_keys')).toBe(1);
  });
});

describe('a transaction', () => {
  it('never takes in what another one writes between its steps', async () => {
    const { db } = opened.database;
    const firstIsIn = Promise.withResolvers<void>();
    const secondAsked = Promise.withResolvers<void>();

    const first = db.transaction().execute(async (tx) => {
      await tx.insertInto('org').values(makeOrg('first')).execute();
      firstIsIn.resolve();
      await secondAsked.promise;
      throw new Error('given up');
    });
    await firstIsIn.promise;
    const second = db
      .transaction()
      .execute((tx) => tx.insertInto('org').values(makeOrg('second')).execute());
    const third = insertOrg('third');
    secondAsked.resolve();

    await expect(first).rejects.toThrow('given up');
    await Promise.all([second, third]);
    expect(await slugs()).toEqual(['second', 'third']);
  });

  it('is seen by nobody before it commits, and makes no reader wait', async () => {
    const { db } = opened.database;

    await db.transaction().execute(async (tx) => {
      await tx.insertInto('org').values(makeOrg('acme')).execute();
      expect(await slugs()).toEqual([]);
      expect(await tx.selectFrom('org').select('slug').execute()).toEqual([{ slug: 'acme' }]);
    });

    expect(await slugs()).toEqual(['acme']);
  });

  it('lets the next one in after a statement failed in it', async () => {
    const { db } = opened.database;
    await insertOrg('acme');

    const failing = db.transaction().execute((tx) =>
      tx
        .insertInto('org')
        .values([makeOrg('before'), makeOrg('acme')])
        .execute(),
    );

    await expect(failing).rejects.toThrow(/UNIQUE/);
    await insertOrg('after');
    expect(await slugs()).toEqual(['acme', 'after']);
  });
});

describe('a lock that another process holds', () => {
  let other: DatabaseSync;
  let impatient: Database;

  beforeEach(async () => {
    impatient = await openDatabase({ file: opened.file, busyForMs: 20 });
    other = new DatabaseSync(opened.file);
    other.exec('begin immediate');
  });
  afterEach(async () => {
    other.close();
    await impatient.close();
  });

  it('makes a writer wait until it is let go', async () => {
    const transaction = createStores(opened.database).orgs.insert(makeOrg('a'), makeEntry());
    const statement = insertOrg('b');

    // The event loop goes on meanwhile: had the writer blocked it, this would not be reached.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await slugs()).toEqual([]);
    other.exec('rollback');

    await Promise.all([transaction, statement]);
    expect(await slugs()).toEqual(['a', 'b']);
  });

  it('is answered RES_UNAVAILABLE in the end, reads going on', async () => {
    const unavailable = { code: 'RES_UNAVAILABLE' };

    const waiting = Array.from({ length: 5 }, (_, i) => insertOrg(`w${i}`, impatient));
    const transaction = createStores(impatient).orgs.insert(makeOrg('a'), makeEntry());

    await expect(transaction).rejects.toMatchObject(unavailable);
    for (const each of waiting) await expect(each).rejects.toMatchObject(unavailable);
    expect(await slugs()).toEqual([]);

    other.exec('rollback');
    await insertOrg('later', impatient);
    expect(await slugs()).toEqual(['later']);
  });
});

describe('close', () => {
  it('waits for the transaction that is under way', async () => {
    const { database, openAgain } = opened;
    const second = await openAgain();
    const isIn = Promise.withResolvers<void>();
    const isClosing = Promise.withResolvers<void>();

    const transaction = second.db.transaction().execute(async (tx) => {
      isIn.resolve();
      await isClosing.promise;
      await tx.insertInto('org').values(makeOrg('acme')).execute();
    });
    await isIn.promise;
    const closed = second.close();
    isClosing.resolve();
    await Promise.all([transaction, closed]);

    expect(await createStores(database).orgs.find('acme')).toBeDefined();
  });
});
