import { WaymarkError } from '../model/errors.ts';
import type { Pagination } from './envelope.ts';

const DEFAULT_SIZE = 20;
const LARGEST_SIZE = 100;

/**
 * One page of a list that is at hand as a whole.
 *
 * @throws {WaymarkError} `VAL_PAGE_SIZE` for a `page` below 1 or a `pageSize` outside 1–100
 */
export function pageOf<T>(
  items: readonly T[],
  query: URLSearchParams,
): { body: T[]; pagination: Pagination } {
  const page = wholeNumber(query, 'page', 1, Number.MAX_SAFE_INTEGER);
  const pageSize = wholeNumber(query, 'pageSize', DEFAULT_SIZE, LARGEST_SIZE);
  const start = (page - 1) * pageSize;
  const totalItems = items.length;
  const totalPages = Math.ceil(totalItems / pageSize);
  const hasNext = page < totalPages;
  const pagination = { page, pageSize, totalItems, totalPages, hasNext, hasPrevious: page > 1 };
  return { body: items.slice(start, start + pageSize), pagination };
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
