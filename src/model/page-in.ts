import type { Comparison, Filter, FilterValue, Listing, Page } from './listing.ts';

type Value = FilterValue | undefined;

/** How a list reads the fields that are none of an item's own properties. */
interface ListValues<T> {
  id?: keyof T & string;
  values?: Readonly<Record<string, (item: T) => Value>>;
}

/** One page of what is at hand as a whole; a store's `selectPage` answers the same. */
export function pageIn<T extends object>(
  items: readonly T[],
  { filter, sort, page, pageSize }: Listing,
  { id = 'id' as keyof T & string, values = {} }: ListValues<T> = {},
): Page<T> {
  const read = (item: T, field: string): FilterValue => {
    const value = values[field] ? values[field](item) : item[field as keyof T];
    return (value as Value) ?? null;
  };
  const found = filter
    ? items.filter((item) => matches(filter, (field) => read(item, field)))
    : [...items];
  const keys = [...sort, { field: id, isDescending: sort.at(-1)?.isDescending ?? false }];
  found.sort((a, b) => {
    for (const { field, isDescending } of keys) {
      const order = compare(read(a, field), read(b, field));
      if (order !== 0) return isDescending ? -order : order;
    }
    return 0;
  });
  const start = (page - 1) * pageSize;
  const shown = structuredClone(found.slice(start, start + pageSize));
  return { items: shown, totalItems: found.length };
}

function matches(filter: Filter, read: (field: string) => FilterValue): boolean {
  if ('all' in filter) return filter.all.every((part) => matches(part, read));
  if ('any' in filter) return filter.any.some((part) => matches(part, read));
  if ('not' in filter) return !matches(filter.not, read);
  const value = read(filter.field);
  if (filter.operator === 'exists') return (value !== null) === filter.value;
  if ('values' in filter) return filter.values.includes(value) === (filter.operator === 'in');
  return holds(value, filter.operator, filter.value);
}

function holds(value: FilterValue, operator: Comparison, operand: FilterValue): boolean {
  if (operator === 'eq') return value === operand;
  if (operator === 'ne') return value !== operand;
  if (value === null || operand === null) return false;
  if (operator === 'contains') return String(value).includes(String(operand));
  if (operator === 'startsWith') return String(value).startsWith(String(operand));
  const order = compare(value, operand);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[operator];
}

/** Null first; texts by their bytes in UTF-8, as both databases do. */
function compare(a: FilterValue, b: FilterValue): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return Number(a) - Number(b);
}
