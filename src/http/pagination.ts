import { listingOf, pagedAnswer } from './listing.ts';
import type { Answer } from './route.ts';

/**
 * One page of a list that is at hand as a whole, in its own order.
 *
 * @throws {WaymarkError} `VAL_PAGE_SIZE`; `VAL_SORT_FIELD`, `VAL_FILTER`: it has no fields to ask of
 */
export function pageOf<T>(all: readonly T[], query: URLSearchParams): Answer {
  const listing = listingOf(query, {});
  const start = (listing.page - 1) * listing.pageSize;
  const items = all.slice(start, start + listing.pageSize);
  return pagedAnswer({ items, totalItems: all.length }, listing);
}
