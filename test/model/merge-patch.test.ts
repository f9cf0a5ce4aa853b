import { describe, expect, it } from 'vitest';
import { mergePatch } from '../../src/model/merge-patch.ts';

describe('mergePatch', () => {
  it.each([
    // RFC 7396, appendix A
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('makes of %j and %j %j', (target, patch, merged) => {
    expect(mergePatch(target, patch)).toEqual(merged);
  });

  it('takes `__proto__` for a name like any other', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"isAdmin": true}}')) as object;

    expect(Object.keys(merged)).toEqual(['__proto__']);
    expect('isAdmin' in merged).toBe(false);
  });

  it('leaves what it was given as it was', () => {
    const target = { a: { b: 1 } };

    mergePatch(target, { a: { b: null } });

    expect(target).toEqual({ a: { b: 1 } });
  });
});
