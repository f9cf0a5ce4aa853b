import { WaymarkError } from '../model/errors.ts';
import type { ListFields, Listing, Page, SortKey } from '../model/listing.ts';
import { parseFilter } from './filter.ts';
import type { Answer } from './route.ts';

const DEFAULT_SIZE = 20;
const LARGEST_SIZE = 100;

/**
 * What a request asks of a list.
 *
 * @param defaultSort as in `?sort=`: `-createdAt,name`
 * @throws {WaymarkError} `VAL_PAGE_SIZE`, `VAL_SORT_FIELD`, `VAL_FILTER`
 */
export function listingOf(
  query: URLSearchParams,
  fields: ListFields,
  defaultSort?: string,
): Listing {
  const filter = query.get('filter');
  const sort = query.get('sort') ?? defaultSort;
  return {
    page: wholeNumber(query, 'page', 1, Number.MAX_SAFE_INTEGER),
    pageSize: wholeNumber(query, 'pageSize', DEFAULT_SIZE, LARGEST_SIZE),
    sort: sort === undefined ? [] : sort.split(',').map((key) => sortKeyIn(key, fields)),
    ...(filter === null ? {} : { filter: parseFilter(filter, fields) }),
  };
}

/** The answer of a route with one page of a list. */
export function pagedAnswer<T>({ items, totalItems }: Page<T>, listing: Listing): Answer {
  const { page, pageSize } = listing;
  const totalPages = Math.ceil(totalItems / pageSize);
  const hasNext = page < totalPages;
  const pagination = { page, pageSize, totalItems, totalPages, hasNext, hasPrevious: page > 1 };
  return { status: 200, body: items, pagination };
}

function sortKeyIn(key: string, fields: ListFields): SortKey {
  const isDescending = key.startsWith('-');
  const field = isDescending ? key.slice(1) : key;
  const isSortable = Object.hasOwn(fields, field) && fields[field]?.isSortable;
  if (isSortable) return { field, isDescending };
  const known = Object.keys(fields).filter((name) => fields[name]?.isSortable);
  const use = known.length === 0 ? '' : `: use ${known.join(', ')}`;
  const message = `${field || 'nothing'} is no field to sort by${use}`;
  throw new WaymarkError('VAL_SORT_FIELD', `sort: ${message}`, {
    validationErrors: [{ field: 'sort', message, code: 'unknown' }],
  });
}

function wholeNumber(
  query: URLSearchParams,
  field: string,
  otherwise: number,
  most: number,
): number {
  const text = query.get(field);
  if (text === null) return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  const message = `must be a whole number from 1${most === LARGEST_SIZE ? ` to ${most}` : ''}`;
  throw new WaymarkError('VAL_PAGE_SIZE', `${field}: ${message}`, {
    validationErrors: [{ field, message, code: 'range' }],
  });
}
