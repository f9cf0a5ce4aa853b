import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractViolation } from '../../../src/plugin-host/contract/contract-violation.ts';
import { readKeys } from '../../../src/plugin-host/contract/fold-keys.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz_';
const word = fc
  .array(fc.constantFrom(...LETTERS.split('')), { minLength: 1, maxLength: 12 })
  .map((letters) => letters.join(''));

/** The word with some of its letters in the other case. */
const spelt = (text: string, flips: readonly boolean[]) =>
  Array.from(text, (letter, i) => (flips[i % flips.length] ? letter.toUpperCase() : letter)).join(
    '',
  );

describe('readKeys', () => {
  it.each(['Routes', 'routes', 'ROUTES', 'rOuTeS'])('takes %s for Routes', (key) => {
    expect(readKeys({ [key]: [1] }, ['Routes'])).toEqual({ Routes: [1] });
  });

  it('takes the exact spelling where there is another', () => {
    expect(readKeys({ routes: 1, Routes: 2, ROUTES: 3 }, ['Routes'])).toEqual({ Routes: 2 });
  });

  it('refuses two spellings of which neither is exact', () => {
    const read = () => readKeys({ routes: [], ROUTES: [] }, ['Routes'], 'management.register');

    expect(read).toThrow(ContractViolation);
    expect(read).toThrow('management.register: routes and ROUTES both spell Routes');
  });

  it('reads one name in sixty thousand spellings within its time', () => {
    const flips = (i: number) => Array.from({ length: 17 }, (_, bit) => ((i >> bit) & 1) === 1);
    const keys = Array.from({ length: 60_000 }, (_, i) => spelt('abcdefghijklmnopq', flips(i)));

    const said = Object.fromEntries(keys.map((key) => [key, 0]));

    expect(readKeys(said, ['status'])).toEqual({});
    expect(() => readKeys(said, ['abcdefghijklmnopQ'.toUpperCase()])).toThrow(/ both spell /);
  });

  it('counts underscores', () => {
    expect(readKeys({ schemaversion: 1, SCHEMA_VERSION: 2 }, ['schema_version'])).toEqual({
      schema_version: 2,
    });
  });

  it('folds ASCII letters only', () => {
    // The Kelvin sign and the long s are a k and an s in other foldings.
    expect(readKeys({ 'To\u212Aen': 1, 'Pa\u017Fs': 2 }, ['token', 'pass'])).toEqual({});
  });

  it('leaves out what nobody asked for, and what was not said', () => {
    expect(Object.keys(readKeys({ other: 1 }, ['Routes', 'constructor']))).toEqual([]);
    expect(readKeys({}, ['constructor']).constructor).toBeUndefined();
  });

  it('takes __proto__ for a field as any other', () => {
    const said = JSON.parse('{"__proto__": {"isAdmin": true}}') as Record<string, unknown>;

    expect(Object.hasOwn(readKeys(said, ['status']), '__proto__')).toBe(false);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('keeps the keys of maps as they are', () => {
    const Headers = { 'X-A': ['1'], 'x-a': ['2'] };

    expect(readKeys({ headers: Headers }, ['Headers']).Headers).toBe(Headers);
  });

  it('finds a field in whatever case it is written', () => {
    const flips = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(word, flips, fc.integer(), (name, cases, value) => {
        expect(readKeys({ [spelt(name, cases)]: value }, [name])).toEqual({ [name]: value });
      }),
    );
  });

  it('answers as one that compares each key, or refuses', () => {
    const object = fc.dictionary(
      word.map((text) => spelt(text, [true, false])),
      fc.integer(),
    );
    fc.assert(
      fc.property(object, word, (said, name) => {
        const alike = Object.keys(said).filter((key) => key.toLowerCase() === name);
        const isExact = Object.hasOwn(said, name);
        if (!isExact && alike.length > 1) {
          expect(() => readKeys(said, [name])).toThrow(ContractViolation);
        } else {
          const key = isExact ? name : alike[0];
          expect(readKeys(said, [name])[name]).toBe(key === undefined ? undefined : said[key]);
        }
      }),
    );
  });
});
