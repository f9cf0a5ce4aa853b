import { describe, expect, it } from 'vitest';
import { pageOf } from '../../src/http/pagination.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const page = (count: number, query = '') => pageOf(numbers(count), new URLSearchParams(query));

describe('pageOf', () => {
  it('gives the first twenty unless told otherwise', () => {
    expect(page(45)).toMatchObject({ body: numbers(20), pagination: { page: 1, totalItems: 45 } });
  });

  it('gives what is left on the last page', () => {
    expect(page(45, 'page=3').body).toEqual([41, 42, 43, 44, 45]);
  });

  it('gives nothing behind the last page, or of nothing', () => {
    expect(page(45, 'page=4').body).toEqual([]);
    expect(page(0)).toMatchObject({ body: [], pagination: { totalPages: 0, hasNext: false } });
  });

  it.each([
    ['page=0', 'VAL_PAGE_SIZE', 'page: must be a whole number from 1'],
    ['sort=name', 'VAL_SORT_FIELD', 'sort: name is no field to sort by'],
    ['filter=%7B%22name%22%3A1%7D', 'VAL_FILTER', 'filter.name: is no field of this list'],
  ])('refuses %s', (query, code, message) => {
    expect(() => page(45, query)).toThrow(expect.objectContaining({ code, message }));
  });
});
