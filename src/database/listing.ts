import { type Expression, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Comparison, Filter, FilterValue, Listing, Page } from '../model/listing.ts';
import { isPostgres } from './dialect.ts';
import type { Tables } from './tables.ts';

export interface ListColumns {
  /** What makes the order total. */
  id?: string;
  /** Where a field is no column of its own name: what it is instead. */
  columns?: Readonly<Record<string, Expression<unknown>>>;
}

/** What is asked for, on either database. */
interface Place {
  isPostgres: boolean;
  columns: Readonly<Record<string, Expression<unknown>>>;
}

/**
 * One page of what `query` selects, and how much there is of it. Both databases answer alike: a
 * field without a value equals null alone, is neither less nor greater than anything, and comes
 * first in an ascending order; texts are compared by their bytes. A boolean's column holds 0 or 1.
 */
export async function selectPage<DB, TB extends keyof DB, Row>(
  db: Kysely<Tables>,
  query: SelectQueryBuilder<DB, TB, Row>,
  { filter, sort, page, pageSize }: Listing,
  { id = 'id', columns = {} }: ListColumns = {},
): Promise<Page<Row>> {
  const place = { isPostgres: isPostgres(db), columns };
  const found = filter ? query.where(conditionOf(filter, place)) : query;
  const counting = found.clearSelect().select(sql<number>`count(*)`.as('totalItems'));
  const { totalItems } = (await counting.executeTakeFirstOrThrow()) as { totalItems: number };
  let ordered = found;
  // The id goes the last key's way: the newest first has the newest id first.
  const isDescending = sort.at(-1)?.isDescending ?? false;
  for (const key of [...sort, { field: id, isDescending }]) {
    ordered = ordered.orderBy(columnOf(key.field, place), (order) =>
      key.isDescending ? order.desc().nullsLast() : order.asc().nullsFirst(),
    );
  }
  const items = await ordered
    .limit(pageSize)
    .offset((page - 1) * pageSize)
    .execute();
  return { items, totalItems: Number(totalItems) };
}

const columnOf = (field: string, { columns }: Place): Expression<unknown> =>
  (Object.hasOwn(columns, field) ? columns[field] : undefined) ?? sql.ref(field);

const joined = (parts: readonly Expression<SqlBool>[], by: 'and' | 'or'): Expression<SqlBool> =>
  sql`(${sql.join(parts, by === 'and' ? sql` and ` : sql` or `)})`;

/** Never null, so that `not` turns it round. */
function conditionOf(filter: Filter, place: Place): Expression<SqlBool> {
  if ('all' in filter) {
    const parts = filter.all.map((part) => conditionOf(part, place));
    return parts.length === 0 ? sql`1 = 1` : joined(parts, 'and');
  }
  if ('any' in filter) {
    const parts = filter.any.map((part) => conditionOf(part, place));
    return parts.length === 0 ? sql`1 = 0` : joined(parts, 'or');
  }
  if ('not' in filter) return sql`not (${conditionOf(filter.not, place)})`;
  const column = columnOf(filter.field, place);
  if (filter.operator === 'exists') return filter.value ? isThere(column) : isNull(column);
  if ('values' in filter) {
    const isFound = isOneOf(column, filter.values, place);
    return filter.operator === 'in' ? isFound : sql`not ${isFound}`;
  }
  return comparisonOf(column, filter.operator, filter.value, place);
}

const isNull = (column: Expression<unknown>): Expression<SqlBool> => sql`(${column} is null)`;
const isThere = (column: Expression<unknown>): Expression<SqlBool> => sql`(${column} is not null)`;

function isOneOf(
  column: Expression<unknown>,
  values: readonly FilterValue[],
  place: Place,
): Expression<SqlBool> {
  const parts = values.map((value) => comparisonOf(column, 'eq', value, place));
  return parts.length === 0 ? sql`(1 = 0)` : joined(parts, 'or');
}

const symbols = { gt: sql`>`, gte: sql`>=`, lt: sql`<`, lte: sql`<=` };

function comparisonOf(
  column: Expression<unknown>,
  operator: Comparison,
  value: FilterValue,
  place: Place,
): Expression<SqlBool> {
  if (value === null) return operator === 'ne' ? isThere(column) : isNull(column);
  const operand = operandOf(value, place);
  if (operator === 'eq') return sql`(${column} is not null and ${column} = ${operand})`;
  if (operator === 'ne') return sql`(${column} is null or ${column} <> ${operand})`;
  if (operator === 'contains' || operator === 'startsWith') {
    // Not by LIKE: SQLite's is blind to case, and both would need their wildcards escaped.
    const at = place.isPostgres
      ? sql`strpos(${column}, ${operand})`
      : sql`instr(${column}, ${operand})`;
    const isFound = operator === 'contains' ? sql`${at} > 0` : sql`${at} = 1`;
    return sql`(${column} is not null and ${isFound})`;
  }
  return sql`(${column} is not null and ${column} ${symbols[operator]} ${operand})`;
}

function operandOf(value: string | number | boolean, { isPostgres }: Place): Expression<unknown> {
  if (typeof value === 'string') return sql`${value}`;
  const number = Number(value);
  // Else PostgreSQL would take the column's type for it, and refuse 1.5 beside an integer.
  return isPostgres ? sql`cast(${number} as double precision)` : sql`${number}`;
}
