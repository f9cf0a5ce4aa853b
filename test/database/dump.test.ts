import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CamelCasePlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DumpedRow } from '../../src/backup/dump.ts';
import { databaseDump } from '../../src/database/dump.ts';
import { dumpedTables } from '../../src/database/dumped-tables.ts';
import { databaseRestore } from '../../src/database/fill.ts';
import { newestMigration } from '../../src/database/migrate.ts';
import { type Database, type DatabaseLocation, openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { openPostgres, openSqlite, postgresServer } from '../support/backends.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { makeEntry, makeOrg, makePointer } from '../support/records.ts';

type Dump = Record<string, DumpedRow[]>;

const server = await postgresServer();

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-dump-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function dumpOf({ db }: Database): Promise<Dump> {
  const dump: Dump = {};
  await databaseDump(db).read(async (table, rows) => {
    dump[table] = [];
    for await (const row of rows) dump[table].push(JSON.parse(JSON.stringify(row)) as DumpedRow);
  });
  return dump;
}

const rowsIn = (dump: Dump) => (table: string) => {
  const rows = dump[table];
  return (
    rows &&
    (async function* () {
      yield* rows;
    })()
  );
};

const fill = (location: DatabaseLocation, dump: Dump, schema = newestMigration) =>
  databaseRestore(location).fill(schema, rowsIn(dump));

async function readBack(location: DatabaseLocation): Promise<Dump> {
  const database = await openDatabase(location);
  try {
    return await dumpOf(database);
  } finally {
    await database.close();
  }
}

const newFile = (): DatabaseLocation => ({ file: join(folder, `restored-${files++}.db`) });

const camelCase = new (class extends CamelCasePlugin {
  of(name: string): string {
    return this.camelCase(name);
  }
})();

/** Two rows in every table, each of one letter, so that what refers to something finds it. */
async function fillEveryTable({ db }: Database): Promise<void> {
  const tables = await db.introspection.getTables();
  for (const [table, key] of Object.entries(dumpedTables)) {
    if (key === null) continue;
    const { columns } = tables.find(({ name }) => camelCase.of(name) === table)!;
    for (const [i, letter] of ['a', 'b'].entries()) {
      const row = columns.map(({ name, dataType, isNullable }) => {
        const column = camelCase.of(name);
        // To SQLite a key of text may be null.
        const canBeNull = isNullable && !(key as readonly string[]).includes(column);
        const value = /int/i.test(dataType) ? i + 1 : `${letter}é\n"\u{1F600}`;
        return [column, canBeNull && i === 1 ? null : value];
      });
      const values = Object.fromEntries(row);
      await db
        .insertInto(table as 'org')
        .values(values)
        .execute();
    }
  }
}

describe('dumpedTables', () => {
  it('has every table of the database, and no other', async () => {
    const { database, close } = await openSqlite();

    const tables = await database.db.introspection.getTables();

    const names = tables.map(({ name }) => camelCase.of(name)).sort();
    expect(Object.keys(dumpedTables).sort()).toEqual(names);
    await close();
  });
});

describe.each([
  { from: 'SQLite', to: 'SQLite' },
  { from: 'SQLite', to: 'PostgreSQL' },
  { from: 'PostgreSQL', to: 'SQLite' },
])('a dump of $from', ({ from, to }) => {
  it.skipIf(server === undefined && `${from}${to}`.includes('Postgre'))(
    `fills ${to} with the same rows in every table`,
    async () => {
      const opened = await (from === 'SQLite' ? openSqlite() : openPostgres(server!));
      const target = to === 'SQLite' ? undefined : await createTestDatabase(server!);
      const location = target ? { url: target.url } : newFile();
      await fillEveryTable(opened.database);
      const dump = await dumpOf(opened.database);
      const kept = Object.entries(dumpedTables).filter(([, key]) => key !== null);
      expect(Object.keys(dump)).toEqual(kept.map(([table]) => table));
      expect(Object.values(dump).every(({ length }) => length === 2)).toBe(true);

      expect(await fill(location, dump)).toBe(true);

      expect(await readBack(location)).toEqual(dump);
      await opened.close();
      await target?.drop();
    },
  );
});

describe.each(['SQLite', 'PostgreSQL'])('a dump of %s', (name) => {
  const open = () => (name === 'SQLite' ? openSqlite() : openPostgres(server!));

  it.skipIf(server === undefined && name === 'PostgreSQL')(
    'is of one moment, and keeps nobody from writing',
    async () => {
      const { database, close } = await open();
      const { orgs } = createStores(database);
      await orgs.insert(makeOrg('acme'), makeEntry());
      const dump: Dump = {};

      await databaseDump(database.db).read(async (table, rows) => {
        dump[table] = [];
        for await (const row of rows) dump[table].push(row);
        if (table === 'org') await orgs.insert(makeOrg('globex'), makeEntry());
      });

      expect(dump['org']).toMatchObject([{ slug: 'acme' }]);
      expect(dump['audit']).toHaveLength(1);
      expect(await orgs.find('globex')).toBeDefined();
      await close();
    },
  );

  it.skipIf(server === undefined && name === 'PostgreSQL')(
    'goes through a table that is longer than a part',
    async () => {
      const { database, close } = await open();
      const rows = Array.from({ length: 2500 }, (_, i) => ({
        ...makeEntry({ tenant: i % 2 === 0 ? 'acme' : 'globex' }),
        sequence: i,
        before: null,
        after: null,
        requestId: null,
        previousHash: '',
        hash: '',
      }));
      for (const row of rows) await database.db.insertInto('audit').values(row).execute();

      const { audit } = await dumpOf(database);

      expect(audit).toHaveLength(2500);
      expect(new Set(audit!.map(({ sequence }) => sequence)).size).toBe(2500);
      await close();
    },
  );
});

describe('filling a database', () => {
  const org = { ...makeOrg('acme') } as unknown as DumpedRow;
  const pointer = { ...makePointer(), diagnostics: '[]' } as unknown as DumpedRow;

  it('is refused where there are tables already', async () => {
    const { file, database, close } = await openSqlite();

    expect(await fill({ file }, { org: [org] })).toBe(false);

    expect(await createStores(database).orgs.list()).toEqual([]);
    await close();
  });

  it('writes nothing where a row is refused', async () => {
    const location = newFile();

    await expect(fill(location, { activePointer: [pointer] })).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });

    expect((await readBack(location))['activePointer']).toEqual([]);
  });

  it('takes a dump of an older version, and brings its tables up to date', async () => {
    const location = newFile();
    const { tier: _t, version: _v, ...old } = org;

    expect(await fill(location, { org: [old] }, '0001-identity')).toBe(true);

    expect((await readBack(location))['org']).toMatchObject([{ slug: 'acme' }]);
  });

  it('knows every migration that there was, and none that is to come', () => {
    const { isKnown } = databaseRestore({ file: ':memory:' });

    expect(isKnown('0001-identity')).toBe(true);
    expect(isKnown('9999-later')).toBe(false);
    expect(isKnown('constructor')).toBe(false);
  });
});
