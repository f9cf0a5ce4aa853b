import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../src/http/filter.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import type { ListFields } from '../../src/model/listing.ts';

const fields: ListFields = {
  name: { type: 'text' },
  size: { type: 'number' },
  isOpen: { type: 'boolean' },
  createdAt: { type: 'time' },
};

const parse = (filter: unknown) =>
  parseFilter(typeof filter === 'string' ? filter : JSON.stringify(filter), fields);

function refusalOf(filter: unknown) {
  try {
    parse(filter);
  } catch (error) {
    if (error instanceof WaymarkError) return error;
  }
  throw new Error('the filter was taken');
}

/** `depth` filters within each other. */
const nested = (depth: number): object =>
  depth === 1 ? { name: 'a' } : { $not: nested(depth - 1) };

describe('parseFilter', () => {
  it('takes a bare value for equality', () => {
    expect(parse({ name: 'a' })).toEqual({ field: 'name', operator: 'eq', value: 'a' });
    expect(parse({ name: null })).toEqual({ field: 'name', operator: 'eq', value: null });
  });

  it('asks for all that stands beside each other', () => {
    expect(parse({ size: { $gt: 1, $lte: 9 }, isOpen: true })).toEqual({
      all: [
        {
          all: [
            { field: 'size', operator: 'gt', value: 1 },
            { field: 'size', operator: 'lte', value: 9 },
          ],
        },
        { field: 'isOpen', operator: 'eq', value: true },
      ],
    });
  });

  it('nests', () => {
    expect(parse({ $or: [{ $not: { name: 'a' } }, { $and: [{ size: 1 }] }] })).toEqual({
      any: [
        { not: { field: 'name', operator: 'eq', value: 'a' } },
        { all: [{ field: 'size', operator: 'eq', value: 1 }] },
      ],
    });
  });

  it('takes lists, and asks whether there is a value', () => {
    expect(parse({ name: { $nin: ['a', null] } })).toMatchObject({ values: ['a', null] });
    expect(parse({ name: { $in: [] } })).toMatchObject({ operator: 'in', values: [] });
    expect(parse({ name: { $exists: false } })).toMatchObject({ operator: 'exists', value: false });
  });

  it('brings times into the form that they are stored in', () => {
    expect(parse({ createdAt: '2026-11-21T08:00:00+02:00' })).toMatchObject({
      value: '2026-11-21T06:00:00.000Z',
    });
  });

  it('matches everything when it is empty', () => {
    expect(parse({})).toEqual({ all: [] });
  });

  it.each([
    ['{"name":', 'filter', 'json'],
    ['[]', 'filter', 'type'],
    ['null', 'filter', 'type'],
    [{ colour: 'red' }, 'filter.colour', 'unknown'],
    [{ constructor: 'a' }, 'filter.constructor', 'unknown'],
    ['{"__proto__": "a"}', 'filter.__proto__', 'unknown'],
    [{ name: { $like: 'a%' } }, 'filter.name.$like', 'unknown'],
    [{ name: { constructor: 'a' } }, 'filter.name.constructor', 'unknown'],
    [{ name: { $regex: '(a+)+$' } }, 'filter.name.$regex', 'unknown'],
    [{ $where: 'true' }, 'filter.$where', 'unknown'],
    [{ $and: [{}, { name: { $like: 'a' } }] }, 'filter.$and[1].name.$like', 'unknown'],
    [{ $and: { name: 'a' } }, 'filter.$and', 'type'],
    [{ $or: [] }, 'filter.$or', 'type'],
    [{ $not: [{ name: 'a' }] }, 'filter.$not', 'type'],
    [{ name: ['a'] }, 'filter.name', 'type'],
    [{ name: 1 }, 'filter.name', 'type'],
    [{ name: 'a\0b' }, 'filter.name', 'type'],
    ['{"name": "\\ud800"}', 'filter.name', 'type'],
    [{ name: { $in: 'a' } }, 'filter.name.$in', 'type'],
    [{ name: { $in: ['a', 1] } }, 'filter.name.$in[1]', 'type'],
    [{ name: { $gt: null } }, 'filter.name.$gt', 'type'],
    [{ name: { $exists: 1 } }, 'filter.name.$exists', 'type'],
    [{ size: '1' }, 'filter.size', 'type'],
    ['{"size": 1e999}', 'filter.size', 'type'],
    [{ size: { $contains: 1 } }, 'filter.size.$contains', 'type'],
    [{ isOpen: 'true' }, 'filter.isOpen', 'type'],
    [{ isOpen: { $gt: false } }, 'filter.isOpen.$gt', 'type'],
    [{ createdAt: 'yesterday' }, 'filter.createdAt', 'type'],
    [{ createdAt: '2026-13-01T00:00:00Z' }, 'filter.createdAt', 'type'],
    [{ createdAt: { $startsWith: '2026' } }, 'filter.createdAt.$startsWith', 'type'],
  ])('refuses %j with its path', (filter, field, code) => {
    const { code: named, facts } = refusalOf(filter);

    expect(named).toBe('VAL_FILTER');
    expect(facts.validationErrors).toMatchObject([{ field, code }]);
  });

  it('is five deep at most', () => {
    expect(parse(nested(5))).toBeDefined();
    expect(refusalOf(nested(6)).facts.validationErrors).toMatchObject([
      { field: 'filter.$not.$not.$not.$not.$not', code: 'range' },
    ]);
  });

  it('has 32 comparisons at most', () => {
    const of = (count: number) => ({ $or: Array.from({ length: count }, () => ({ size: 1 })) });

    expect(parse(of(32))).toMatchObject({ any: { length: 32 } });
    expect(refusalOf(of(33)).facts.validationErrors).toMatchObject([
      { field: 'filter.$or[32].size', code: 'range' },
    ]);
  });

  it('has 4 KB at most', () => {
    const of = (bytes: number) => ({ name: 'ü'.repeat((bytes - '{"name":""}'.length - 1) / 2) });

    expect(parse(of(4096))).toBeDefined();
    expect(refusalOf(of(4098)).message).toBe('filter: is longer than 4096 bytes');
  });

  it('answers anything at all with a filter or a refusal', () => {
    const keys = fc.constantFrom('name', 'size', '$and', '$or', '$not', '$in', '$gt', '__proto__');
    const anything = fc.jsonValue({ maxDepth: 8 });
    const nearly = fc.dictionary(keys, fc.oneof(anything, fc.array(fc.dictionary(keys, anything))));
    fc.assert(
      fc.property(fc.oneof(anything, nearly), (value) => {
        try {
          expect(parse(JSON.stringify(value))).toBeTypeOf('object');
        } catch (error) {
          expect(error).toMatchObject({ code: 'VAL_FILTER' });
        }
      }),
    );
  });
});
