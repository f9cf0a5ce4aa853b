import { describe, expect, it } from 'vitest';
import { listingOf, pagedAnswer } from '../../src/http/listing.ts';
import type { ListFields } from '../../src/model/listing.ts';

const fields: ListFields = {
  name: { type: 'text', isSortable: true },
  createdAt: { type: 'time', isSortable: true },
  secret: { type: 'text' },
};

const listing = (query: string, defaultSort?: string) =>
  listingOf(new URLSearchParams(query), fields, defaultSort);

describe('listingOf', () => {
  it('asks for the first twenty unless told otherwise', () => {
    expect(listing('')).toEqual({ page: 1, pageSize: 20, sort: [] });
  });

  it('takes page, size, order and filter', () => {
    const filter = encodeURIComponent('{"name":"a"}');

    expect(listing(`page=3&pageSize=100&sort=-createdAt,name&filter=${filter}`)).toEqual({
      page: 3,
      pageSize: 100,
      sort: [
        { field: 'createdAt', isDescending: true },
        { field: 'name', isDescending: false },
      ],
      filter: { field: 'name', operator: 'eq', value: 'a' },
    });
  });

  it('has an order of its own where none is asked for', () => {
    expect(listing('', '-createdAt').sort).toEqual([{ field: 'createdAt', isDescending: true }]);
    expect(listing('sort=name', '-createdAt').sort).toMatchObject([{ field: 'name' }]);
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
    expect(() => listing(query)).toThrow(
      expect.objectContaining({ code: 'VAL_PAGE_SIZE', message }),
    );
  });

  it.each([
    ['sort=colour', 'colour is no field to sort by'],
    ['sort=secret', 'secret is no field to sort by'],
    ['sort=--name', '-name is no field to sort by'],
    ['sort=', 'nothing is no field to sort by'],
    ['sort=name,', 'nothing is no field to sort by'],
    ['sort=__proto__', '__proto__ is no field to sort by'],
  ])('refuses %s', (query, message) => {
    expect(() => listing(query)).toThrow(
      expect.objectContaining({
        code: 'VAL_SORT_FIELD',
        message: `sort: ${message}: use name, createdAt`,
      }),
    );
  });

  it('refuses a filter that cannot be', () => {
    expect(() => listing('filter=%7B')).toThrow(expect.objectContaining({ code: 'VAL_FILTER' }));
  });
});

describe('pagedAnswer', () => {
  const pagination = (query: string, totalItems: number) =>
    pagedAnswer({ items: [], totalItems }, listing(query)).pagination;

  it('says where in the list the page is', () => {
    expect(pagination('page=2', 45)).toEqual({
      page: 2,
      pageSize: 20,
      totalItems: 45,
      totalPages: 3,
      hasNext: true,
      hasPrevious: true,
    });
  });

  it('has nothing behind the last page', () => {
    expect(pagination('page=3', 45)).toMatchObject({ hasNext: false, hasPrevious: true });
    expect(pagination('', 0)).toMatchObject({ totalPages: 0, hasNext: false, hasPrevious: false });
  });
});
