import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { columnTypes } from '../../src/database/column-types.ts';
import { selectPage } from '../../src/database/listing.ts';
import type { Tables } from '../../src/database/tables.ts';
import type { Comparison, Filter, FilterValue, Listing } from '../../src/model/listing.ts';
import { type OpenedDatabase, onEveryDatabase } from '../support/backends.ts';
import { pageIn } from '../support/fakes/listing.ts';

interface Thing {
  id: string;
  name: string | null;
  size: number | null;
  isOpen: boolean | null;
  madeAt: string | null;
}

/** Of each kind that is easily got wrong: wildcards, cases, signs, what sorts by bytes alone. */
const names = ['', 'a', 'A', 'ä', 'a%', 'a_', 'ab', "a'b", 'a\\b', '\u{ff5e}', '\u{1f600}', 'null'];
const sizes = [-1, 0, 1, 1.5, 10, 9_007_199_254_740_991];
const times = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z', '2025-12-31T23:59:59.999Z'];

const textOf = fc.constantFrom(...names);
const timeOf = fc.constantFrom(...times);
const things = fc
  .array(
    fc.record({
      name: fc.option(textOf),
      // A column of whole numbers, which is asked about fractions too.
      size: fc.option(fc.constantFrom(...sizes.filter(Number.isInteger))),
      isOpen: fc.option(fc.boolean()),
      madeAt: fc.option(timeOf),
    }),
    { maxLength: 12 },
  )
  .map((all) => all.map((thing, i): Thing => ({ id: `t-${i}`, ...thing })));

const valuesOf: Record<string, fc.Arbitrary<FilterValue>> = {
  name: textOf,
  size: fc.constantFrom(...sizes),
  isOpen: fc.boolean(),
  madeAt: timeOf,
};
const operatorsOf: Record<string, Comparison[]> = {
  name: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'contains', 'startsWith'],
  size: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'],
  isOpen: ['eq', 'ne'],
  madeAt: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte'],
};

const leaf: fc.Arbitrary<Filter> = fc.constantFrom(...Object.keys(valuesOf)).chain((field) => {
  const value = valuesOf[field]!;
  const operator = fc.constantFrom(...operatorsOf[field]!);
  const many = fc.array(fc.option(value), { maxLength: 3 });
  return fc.oneof<fc.Arbitrary<Filter>[]>(
    fc.record({ field: fc.constant(field), operator, value }),
    fc.record({
      field: fc.constant(field),
      operator: fc.constantFrom('eq' as const, 'ne' as const),
      value: fc.constant(null),
    }),
    fc.record({
      field: fc.constant(field),
      operator: fc.constantFrom('in' as const, 'nin' as const),
      values: many,
    }),
    fc.record({
      field: fc.constant(field),
      operator: fc.constant('exists' as const),
      value: fc.boolean(),
    }),
  );
});

const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({ all: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
}));

const listings: fc.Arbitrary<Listing> = fc.record({
  filter: anyFilter,
  sort: fc.array(
    fc.record({ field: fc.constantFrom('name', 'size', 'madeAt'), isDescending: fc.boolean() }),
    { maxLength: 2 },
  ),
  page: fc.integer({ min: 1, max: 3 }),
  pageSize: fc.integer({ min: 1, max: 5 }),
});

type Row = Omit<Thing, 'isOpen'> & { isOpen: number | null };

await onEveryDatabase('selectPage', (opened: () => OpenedDatabase) => {
  const { thing, db } = tableOf(opened);

  beforeEach(async () => {
    const { text, integer } = columnTypes[opened().database.dialect];
    const { schema } = db();
    await schema.dropTable('thing').ifExists().execute();
    await schema
      .createTable('thing')
      .addColumn('id', text)
      .addColumn('name', text)
      .addColumn('size', integer)
      .addColumn('is_open', integer)
      .addColumn('made_at', text)
      .execute();
  });

  async function fill(all: readonly Thing[]): Promise<void> {
    await thing().deleteFrom('thing').execute();
    if (all.length === 0) return;
    const rows = all.map((one) => ({ ...one, isOpen: one.isOpen === null ? null : +one.isOpen }));
    await thing().insertInto('thing').values(rows).execute();
  }

  it('gives for any listing what the evaluator in memory gives', async () => {
    await fc.assert(
      fc.asyncProperty(things, listings, async (all, listing) => {
        await fill(all);

        const query = thing().selectFrom('thing').select('id');
        const { items, totalItems } = await selectPage(db(), query, listing);

        const expected = pageIn(all, listing);
        expect(totalItems).toBe(expected.totalItems);
        expect(items.map(({ id }) => id)).toEqual(expected.items.map(({ id }) => id));
      }),
      { numRuns: 150 },
    );
  });

  it('keeps to what the query selects from, and reads a field as it is told to', async () => {
    await fill([
      { id: 'a', name: 'Red', size: 1, isOpen: null, madeAt: null },
      { id: 'b', name: 'RED', size: 1, isOpen: null, madeAt: null },
      { id: 'c', name: 'red', size: 2, isOpen: null, madeAt: null },
    ]);

    const query = thing().selectFrom('thing').selectAll().where('size', '=', 1);
    const found = await selectPage(
      db(),
      query,
      {
        filter: { field: 'lowered', operator: 'eq', value: 'red' },
        sort: [{ field: 'name', isDescending: true }],
        page: 1,
        pageSize: 1,
      },
      { columns: { lowered: sql`lower(name)` } },
    );

    expect(found).toMatchObject({ items: [{ id: 'a', name: 'Red' }], totalItems: 2 });
  });

  it('has no fault of the caller’s text', async () => {
    await fill([{ id: 'a', name: 'a', size: null, isOpen: null, madeAt: null }]);
    const value = `' or 1=1; drop table thing; --`;

    const query = thing().selectFrom('thing').select('id');
    const filter = { field: 'name', operator: 'eq', value } as const;
    const found = await selectPage(db(), query, { filter, sort: [], page: 1, pageSize: 1 });

    expect(found).toEqual({ items: [], totalItems: 0 });
    expect(await query.execute()).toHaveLength(1);
  });
});

function tableOf(opened: () => OpenedDatabase) {
  const db = (): Kysely<Tables> => opened().database.db;
  return { db, thing: () => db() as unknown as Kysely<{ thing: Row }> };
}
