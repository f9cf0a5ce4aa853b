import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { dumpedTables } from '../../src/database/dumped-tables.ts';
import { newestMigration } from '../../src/database/migrate.ts';
import { type Database, openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { onEveryDatabase, openSqlite } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const run = promisify(execFile);

const migrationsOf = async ({ db }: Database): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return rows.map(({ name }) => name).sort();
};

await onEveryDatabase('openDatabase', (opened) => {
  it('runs every migration once, however often it is opened', async () => {
    const before = await migrationsOf(opened().database);
    const again = await opened().openAgain();

    const after = await migrationsOf(again);
    await again.close();

    expect(before).toContain('0001-identity');
    expect(before.at(-1)).toBe(newestMigration);
    expect(after).toEqual(before);
  });

  it('removes whatever carries an org with the org, but the audit log', async () => {
    const { db } = opened().database;
    const tables = await db.introspection.getTables();
    const owned = tables
      .filter(({ columns }) => columns.some(({ name }) => name === 'org'))
      .map(({ name }) => name);
    const { orgs } = createStores(opened().database);
    await orgs.insert(makeOrg('acme'), makeEntry());
    await insertAnyRow(opened().database, 'user');

    // First what others refer to.
    for (const table of Object.keys(dumpedTables).map(toSnakeCase)) {
      if (owned.includes(table)) await insertAnyRow(opened().database, table);
    }
    await orgs.remove('acme', makeEntry());

    expect(owned.length).toBeGreaterThan(15);
    for (const table of owned) {
      const { rows } = await sql`select * from ${sql.table(table)} where org = 'acme'`.execute(db);
      expect(rows, table).toEqual([]);
    }
  });
});

const toSnakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`);

/** A row of org acme in which every other column has some value of its type. */
async function insertAnyRow({ db }: Database, table: string): Promise<void> {
  const tables = await db.introspection.getTables();
  const columns = tables.find(({ name }) => name === table)!.columns;
  const values = columns.map(({ name, dataType }) => {
    if (name === 'org') return 'acme';
    return /int/i.test(dataType) ? 1 : 'x';
  });
  const names = sql.join(columns.map(({ name }) => sql.id(name)));
  await sql`insert into ${sql.table(table)} (${names}) values (${sql.join(values)})`.execute(db);
}

describe('openDatabase (SQLite file)', () => {
  it('lets several processes start on an empty directory at once', async () => {
    const { file, database, close } = await openSqlite();
    const fresh = `${file}-fresh`;
    const script = `
      const { openDatabase } = await import(${JSON.stringify(import.meta.resolve('../../src/database/open.ts'))});
      const database = await openDatabase({ file: ${JSON.stringify(fresh)} });
      await database.close();`;

    const starts = Array.from({ length: 3 }, () =>
      run(process.execPath, ['--input-type=module', '-e', script]),
    );
    await Promise.all(starts);

    const opened = await openDatabase({ file: fresh });
    expect(await migrationsOf(opened)).toEqual(await migrationsOf(database));
    await opened.close();
    await close();
  });

  it('keeps what was written after it is closed and opened again', async () => {
    const { database, openAgain, close } = await openSqlite();
    await createStores(database).orgs.insert(makeOrg('acme'), makeEntry());

    const again = await openAgain();

    expect(await createStores(again).orgs.find('acme')).toEqual(makeOrg('acme'));
    await again.close();
    await close();
  });

  it('refuses to open nothing', async () => {
    await expect(openDatabase({})).rejects.toThrow(TypeError);
  });

  it('says so when the file cannot be opened', async () => {
    await expect(openDatabase({ file: '/nowhere/at/all.db' })).rejects.toThrow(/open/);
  });
});

describe('openDatabase (PostgreSQL)', () => {
  it('answers RES_UNAVAILABLE when no server listens', async () => {
    const opening = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none' });

    await expect(opening).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });
});
