import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Comparison, Filter, FilterValue, ListFields } from '../model/listing.ts';

const MOST_BYTES = 4096;
const DEEPEST = 5;
const MOST_LEAVES = 32;

type FieldType = ListFields[string]['type'];

const comparisons: Readonly<Record<string, { operator: Comparison; of: readonly FieldType[] }>> = {
  $eq: { operator: 'eq', of: ['text', 'number', 'boolean', 'time'] },
  $ne: { operator: 'ne', of: ['text', 'number', 'boolean', 'time'] },
  $gt: { operator: 'gt', of: ['text', 'number', 'time'] },
  $gte: { operator: 'gte', of: ['text', 'number', 'time'] },
  $lt: { operator: 'lt', of: ['text', 'number', 'time'] },
  $lte: { operator: 'lte', of: ['text', 'number', 'time'] },
  $contains: { operator: 'contains', of: ['text'] },
  $startsWith: { operator: 'startsWith', of: ['text'] },
};

/**
 * The filter of a list, as `{"name": {"$startsWith": "a"}, "$or": […]}` says it.
 *
 * @param text JSON of at most 4 KB, 5 deep (each `$and`, `$or` and `$not` is one deeper), and with
 * at most 32 comparisons
 * @throws {WaymarkError} `VAL_FILTER` with the path of what is at fault
 */
export function parseFilter(text: string, fields: ListFields): Filter {
  const reader = { fields, leaves: 0 };
  if (Buffer.byteLength(text) > MOST_BYTES) {
    throw refused('filter', `is longer than ${MOST_BYTES} bytes`, 'range');
  }
  return filterIn(parseJson(text), 'filter', 1, reader);
}

interface Reader {
  fields: ListFields;
  /** How many comparisons were met. */
  leaves: number;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused('filter', 'is not well-formed JSON', 'json');
  }
}

function filterIn(value: unknown, path: string, depth: number, reader: Reader): Filter {
  if (depth > DEEPEST) throw refused(path, `is more than ${DEEPEST} deep`, 'range');
  const parts = Object.entries(objectIn(value, path));
  return allOf(parts.map(([key, part]) => partIn(key, part, `${path}.${key}`, depth, reader)));
}

function partIn(key: string, value: unknown, path: string, depth: number, reader: Reader): Filter {
  if (key === '$and') return { all: filtersIn(value, path, depth, reader) };
  if (key === '$or') return { any: filtersIn(value, path, depth, reader) };
  if (key === '$not') return { not: filterIn(value, path, depth + 1, reader) };
  const { fields } = reader;
  // Of its own: `__proto__` and `constructor` are no fields.
  const type = Object.hasOwn(fields, key) ? fields[key]?.type : undefined;
  if (type) return conditionIn(key, type, value, path, reader);
  if (key.startsWith('$')) throw refused(path, 'is no known operator', 'unknown');
  throw refused(path, `is no field of this list${known(fields)}`, 'unknown');
}

function known(fields: ListFields): string {
  const names = Object.keys(fields);
  return names.length === 0 ? '' : `: use ${names.join(', ')}`;
}

function filtersIn(value: unknown, path: string, depth: number, reader: Reader): Filter[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw refused(path, 'must be a list of at least one filter', 'type');
  }
  return value.map((part, i) => filterIn(part, `${path}[${i}]`, depth + 1, reader));
}

function conditionIn(
  field: string,
  type: FieldType,
  value: unknown,
  path: string,
  reader: Reader,
): Filter {
  const isBare = typeof value !== 'object' || value === null;
  if (isBare) return leafIn(field, type, '$eq', value, path, reader);
  const conditions = Object.entries(objectIn(value, path));
  return allOf(
    conditions.map(([operator, operand]) =>
      leafIn(field, type, operator, operand, `${path}.${operator}`, reader),
    ),
  );
}

function leafIn(
  field: string,
  type: FieldType,
  operator: string,
  operand: unknown,
  path: string,
  reader: Reader,
): Filter {
  reader.leaves += 1;
  if (reader.leaves > MOST_LEAVES) {
    throw refused(path, `is one more than the ${MOST_LEAVES} comparisons there may be`, 'range');
  }
  if (operator === '$exists') return { field, operator: 'exists', value: booleanIn(operand, path) };
  if (operator === '$in' || operator === '$nin') {
    if (!Array.isArray(operand)) throw refused(path, 'must be a list', 'type');
    const values = operand.map((one, i) => valueIn(one, type, `${path}[${i}]`));
    return { field, operator: operator === '$in' ? 'in' : 'nin', values };
  }
  const comparison = Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
  if (!comparison) throw refused(path, 'is no known operator', 'unknown');
  if (!comparison.of.includes(type)) throw refused(path, `does not go with a ${type}`, 'type');
  const value = valueIn(operand, type, path);
  const isEquality = comparison.operator === 'eq' || comparison.operator === 'ne';
  if (value === null && !isEquality) throw refused(path, 'cannot be compared with null', 'type');
  return { field, operator: comparison.operator, value };
}

/** Null stands for a field that has no value, whatever its type. */
function valueIn(value: unknown, type: FieldType, path: string): FilterValue {
  if (value === null) return null;
  if (type === 'boolean') return booleanIn(value, path);
  if (type === 'number') {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw refused(path, 'must be a number', 'type');
  }
  // PostgreSQL stores no NUL, and no text has half a surrogate pair in UTF-8.
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) {
    throw refused(path, 'must be a text', 'type');
  }
  return type === 'time' ? timeIn(value, path) : value;
}

function booleanIn(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  throw refused(path, 'must be true or false', 'type');
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** In the one form that times are stored in, so that comparing the texts compares the times. */
function timeIn(text: string, path: string): string {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  const isInRange = ms >= Date.UTC(1970) && ms < Date.UTC(10_000);
  if (isInRange) return toTime(ms);
  throw refused(path, 'must be a time such as 2026-11-21T06:53:57Z', 'type');
}

function objectIn(value: unknown, path: string): object {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isObject) return value;
  throw refused(path, 'must be an object', 'type');
}

const allOf = (parts: Filter[]): Filter =>
  parts.length === 1 && parts[0] ? parts[0] : { all: parts };

function refused(field: string, message: string, code: string): WaymarkError {
  return new WaymarkError('VAL_FILTER', `${field}: ${message}`, {
    validationErrors: [{ field, message, code }],
  });
}
