import { describe, expect, it } from 'vitest';
import { pageOf } from '../../src/http/pagination.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const page = (count: number, query = '') => pageOf(numbers(count), new URLSearchParams(query));

describe('pageOf', () => {
  it('gives the first twenty unless told otherwise', () => {
    const { body, pagination } = page(45);

    expect(body).toEqual(numbers(20));
    expect(pagination).toEqual({
      page: 1,
      pageSize: 20,
      totalItems: 45,
      totalPages: 3,
      hasNext: true,
      hasPrevious: false,
    });
  });

  it('gives what is left on the last page', () => {
    const { body, pagination } = page(45, 'page=3');

    expect(body).toEqual([41, 42, 43, 44, 45]);
    expect(pagination).toMatchObject({ hasNext: false, hasPrevious: true });
  });

  it('gives nothing behind the last page, or of nothing', () => {
    expect(page(45, 'page=4').body).toEqual([]);
    expect(page(0)).toMatchObject({ body: [], pagination: { totalPages: 0, hasNext: false } });
  });

  it.each([
    ['pageSize=0', 'pageSize: must be a whole number from 1 to 100'],
    ['pageSize=101', 'pageSize: must be a whole number from 1 to 100'],
    ['pageSize=1.5', 'pageSize: must be a whole number from 1 to 100'],
    ['pageSize=', 'pageSize: must be a whole number from 1 to 100'],
    ['page=0', 'page: must be a whole number from 1'],
    ['page=-1', 'page: must be a whole number from 1'],
    ['page=99999999999999999999', 'page: must be a whole number from 1'],
  ])('refuses %s', (query, message) => {
    expect(() => page(45, query)).toThrow(
      expect.objectContaining({ code: 'VAL_PAGE_SIZE', message }),
    );
  });
});
