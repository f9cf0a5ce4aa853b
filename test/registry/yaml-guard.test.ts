import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readYaml } from '../../src/registry/yaml-document.ts';
import { parseTokens, YAML_LIMITS } from '../../src/registry/yaml-guard.ts';

const LIMIT = YAML_LIMITS.bytes;

/** As much of a pattern as fits into the largest file. */
const fill = (pattern: string, bytes = LIMIT) => pattern.repeat(Math.floor(bytes / pattern.length));

function codesOf(text: string): string[] {
  const read = readYaml(text);
  return read.ok ? [] : [...new Set(read.error.map(({ code }) => code))];
}

describe('parseTokens', () => {
  it.each([
    ['flow lists', (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`],
    ['flow maps', (depth: number) => `${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`],
    ['block lists', (depth: number) => `${'- '.repeat(depth)}x`],
    [
      'block maps',
      (depth: number) => Array.from({ length: depth }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
    ],
  ])('takes 64 levels of %s and refuses the 65th', (_, nest) => {
    expect(codesOf(nest(64))).toEqual([]);
    expect(codesOf(nest(65))).toEqual(['yaml-depth']);
  });

  it.each(['[', '{a: ', '- ', '? ', '? - '])('survives a file of nothing but %j', (opener) => {
    expect(codesOf(fill(opener))).toEqual(['yaml-depth']);
  });

  it('says where the first level too deep begins', () => {
    const read = parseTokens(`a: ${'['.repeat(100)}`);

    expect(read).toEqual({
      ok: false,
      error: [
        {
          code: 'yaml-depth',
          offset: expect.toSatisfy((offset: number) => offset >= 66 && offset <= 68),
          message: 'collections nest deeper than 64 levels',
        },
      ],
    });
  });

  it.each([
    ['block', (pairs: string[]) => pairs.join('\n')],
    ['flow', (pairs: string[]) => `{${pairs.join(', ')}}`],
  ])('takes 2,000 pairs of a %s map and refuses one more', (_, write) => {
    const pairs = Array.from({ length: 2_001 }, (_, i) => `k${i}: ${i}`);

    expect(codesOf(write(pairs.slice(1)))).toEqual([]);
    expect(codesOf(write(pairs))).toEqual(['yaml-pairs']);
  });

  it('counts pairs rather than the blank lines and comments between them', () => {
    const text = Array.from({ length: 1_500 }, (_, i) => `k${i}: ${i}\n\n# comment\n`).join('');

    expect(codesOf(text)).toEqual([]);
  });

  it('takes 100 aliases and refuses one more', () => {
    const text = (count: number) => `a: &a 1\nb: [${Array(count).fill('*a').join(', ')}]`;

    expect(codesOf(text(100))).toEqual([]);
    expect(codesOf(text(101))).toEqual(['yaml-aliases']);
  });

  it('takes the core tags and no others', () => {
    expect(codesOf('a: !!str 1\nb: !!map {c: !!int "2"}')).toEqual([]);
    expect(codesOf('a: !!binary aGk=')).toEqual(['yaml-tag']);
    expect(codesOf('!thing {a: 1}')).toEqual(['yaml-tag']);
    expect(codesOf('a: [!<tag:x,2026:y> 1]')).toEqual(['yaml-tag']);
  });

  it('reports several refusals at once', () => {
    expect(codesOf('%YAML 1.2\n---\na: !x 1\n? b\n: 2\n')).toEqual([
      'yaml-directive',
      'yaml-tag',
      'yaml-complex-key',
    ]);
  });
});

describe('parseTokens is linear', () => {
  const texts = {
    'broken quotes': fill('- "\n'),
    'empty documents': fill('---\n'),
    'closing brackets': fill(']'),
    'comments after blank lines': `a:\n  - 1\n${fill('\n', LIMIT / 2)}${fill(' #\n', LIMIT / 2)}`,
    'tags in a row': `a: ${fill('!t ')}`,
    'anchors in a row': `a: ${fill('&t ')}`,
    'colons in a row': fill(':\n'),
    'commas in a row': `[${fill(',')}`,
    'nested keys on a line': fill('a: b: c\n'),
    'escaped quotes': `"${fill('\\"')}`,
    'a flow map without end': `{${fill('a: b,')}`,
    'block scalars': fill('- |\n'),
    'a long list': fill('- a\n'),
  };

  it.each(Object.entries(texts))('in %s', (_, text) => {
    const elapsed = (part: string) => {
      const { user } = process.cpuUsage();
      readYaml(part);
      return process.cpuUsage().user - user;
    };
    elapsed(text.slice(0, text.length / 8)); // warms up
    const eighth = elapsed(text.slice(0, text.length / 8));
    const whole = elapsed(text);

    // Quadratic would be 64 times; small times are noise.
    expect(whole).toBeLessThan(Math.max(24 * eighth, 1_500_000));
  });
});

const scalar = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.integer({ min: -1e9, max: 1e9 }),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).node;

/** Fragments that steer a parser into its corners, in any order. */
const FRAGMENTS =
  'a|: |:|- |-|? |\n|  |    |{|}|[|]|,|"|\'|>-\n|#| #|&a |*a|!t |!!str |---\n|...\n|%|\t|<<|' +
  '__proto__|1e999|\\u|~|\x1f|\u2028|\ufeff';
const noise = fc
  .array(fc.constantFrom('|\n', ...FRAGMENTS.split('|')), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('readYaml', () => {
  it('reads back every JSON value, as the library does', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 0, max: 4 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);

        const read = readYaml(text);

        expect(read.ok && read.value.value).toEqual(parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it('answers a value or faults inside the text, whatever it is given', () => {
    fc.assert(
      fc.property(noise, (text) => {
        const read = readYaml(text);

        if (read.ok) {
          expect(() => JSON.stringify(read.value.value)).not.toThrow();
          return;
        }
        expect(read.error.length).toBeGreaterThan(0);
        for (const { offset } of read.error) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(text.length + 1);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('agrees with the library on whatever it accepts', () => {
    fc.assert(
      fc.property(noise, (text) => {
        const read = readYaml(text);
        fc.pre(read.ok);
        const options = { stringKeys: true, uniqueKeys: false, logLevel: 'silent' } as const;

        expect(read.ok && read.value.value).toEqual(parse(text, options));
      }),
      { numRuns: 2_000 },
    );
  });
});
