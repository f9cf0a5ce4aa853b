import { deepStrictEqual } from 'node:assert';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/registry/text.ts';
import { readFullYaml, readYaml } from '../../src/registry/yaml-document.ts';
import { readSimpleYaml } from '../../src/registry/yaml-simple.ts';
import { cpuMs } from '../support/cpu.ts';
import { testData } from '../support/test-data.ts';

const root = join(import.meta.dirname, '../..');
const RUNS = 4_000;

/** As the decoder leaves it to the reader; what it refuses is no text. */
function decode(path: string): string {
  const text = decodeText(readFileSync(path));
  return text.ok ? text.value : '';
}

/** Fails unless the text is left alone, or read exactly as the full reader does. */
function isTaken(text: string): boolean {
  const value = readSimpleYaml(text);
  if (value === undefined) return false;
  const full = readFullYaml(text);
  if (!full.ok) throw new Error(`the full reader refuses it: ${JSON.stringify(full.error)}`);
  // Not `toStrictEqual`, which takes a key named constructor for a class.
  deepStrictEqual(value, full.value.value);
  // The order of keys, which no equality sees.
  expect(JSON.stringify(value)).toBe(JSON.stringify(full.value.value));
  return true;
}

const WORDS = [
  'true null yes no on False NULL ~ Null TRUE nullx y',
  '0 -0 +1 -5 017 0o17 0x1F 1e3 1.5 1. .5 .inf -.Inf .nan 1_000 9007199254740993 123456789012345',
  '2026-01-01 12:30:00 1.2.3 1.2 <<  = a:b a# #b http://x/y ./a ../b .x -x -- - ? : & *a !t | > %d',
  '@m `q " \' \'q\' "q" \'\' "" "a\\n" it\'s a"b ü 😀 \u2028 \u0085 \ufeff \u00a0 __proto__ constructor',
  '[] {} [a] {a:1} {a: 1} [a, b] [a,] [a , b] {a: } {a} [a: b] [[a], {b: [c]}] { a: b } [ ] --- ...',
].flatMap((line) => line.split(' '));
const PHRASES = ['[a, b]', '{a: 1, b: x y}', '{a: 1, a: 2}', '[ a ]', '[x, \'y z\', "w", a:b, 7]'];

const word = fc.constantFrom(...WORDS, ...PHRASES);
const good = fc.constantFrom(
  ..."a b7 true null 12 -5 x: ./a a:b it's \"q\" 'q' [a] [a,b] {} [] 1.2.3 ü 😀 a#b a,b 2nd".split(
    ' ',
  ),
  'x y',
  '{a: 1, b: [c]}',
  'x  y',
  'a - b',
  'q? (r) & *s',
);
const phrase = fc.oneof(
  { weight: 25, arbitrary: good },
  word,
  fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
  fc.string({ maxLength: 6 }),
  fc.array(word, { maxLength: 4 }).map((words) => `[${words.join(', ')}]`),
  fc
    .array(word, { maxLength: 3 })
    .map((words) => `{${words.map((w, i) => `k${i}: ${w}`).join(', ')}}`),
);
const key = fc.constantFrom(
  'a',
  'b',
  'c',
  'true',
  'null',
  'yes',
  'a-b',
  'A_1',
  'constructor',
  'n1',
);
const blank = fc.constantFrom(
  ...(Array(20).fill('') as string[]),
  '\n',
  '# note',
  '# note',
  '# note',
  '  # deeper',
  '   ',
  ' # odd',
);
const line = fc.oneof(
  { weight: 4, arbitrary: phrase },
  fc.constantFrom('', '', ' more', '  ', '# x', 'a: b', '- c', '\tt', 'x '),
);

interface Shape {
  lines: string[];
}
const indented = (lines: readonly string[], by: number) =>
  lines.map((text) => (text === '' ? '' : ' '.repeat(by) + text));

const { node } = fc.letrec<{ node: Shape; map: Shape; list: Shape; field: Shape; item: Shape }>(
  (tie) => ({
    node: fc.oneof(tie('map'), tie('map'), tie('list')),
    map: fc
      .uniqueArray(tie('field'), {
        minLength: 1,
        maxLength: 4,
        selector: ({ lines }) => lines[0]?.split(':')[0],
      })
      .map((fields) => ({ lines: fields.flatMap(({ lines }) => lines) })),
    list: fc
      .array(tie('item'), { minLength: 1, maxLength: 3 })
      .map((items) => ({ lines: items.flatMap(({ lines }) => lines) })),
    field: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc
        .tuple(key, phrase, blank)
        .map(([k, v, after]) => ({ lines: [`${k}: ${v}`, ...(after === '' ? [] : [after])] })),
      fc
        .tuple(
          key,
          fc.constantFrom('|', '|', '|', '|-', '|-', '|-', '>-', '>-', '>', '|+', '|2'),
          fc.array(line, { minLength: 1, maxLength: 4 }),
          fc.integer({ min: 1, max: 4 }),
          blank,
        )
        .map(([k, head, body, by, after]) => ({
          lines: [`${k}: ${head}`, ...indented(body, by), ...(after === '' ? [] : [after])],
        })),
      fc
        .tuple(key, tie('node'), fc.constantFrom(0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 4), blank)
        .map(([k, { lines }, by, before]) => ({
          lines: [`${k}:`, ...(before === '' ? [] : [before]), ...indented(lines, by)],
        })),
      key.map((k) => ({ lines: [`${k}:`] })),
    ),
    item: fc.oneof(
      { depthSize: 'small' },
      phrase.map((v) => ({ lines: [`- ${v}`] })),
      fc
        .tuple(fc.constantFrom('|', '|-', '>-'), fc.array(line, { maxLength: 3 }))
        .map(([head, body]) => ({ lines: [`- ${head}`, ...indented(body, 2)] })),
      tie('map').map(({ lines: [first = '', ...rest] }) => ({
        lines: [`- ${first}`, ...indented(rest, 2)],
      })),
    ),
  }),
);

const mutation = fc.record({
  at: fc.nat(400),
  removed: fc.constantFrom(0, 0, 1, 1, 2),
  added: fc.oneof(
    fc.constantFrom(
      ...':#-|>\'"{}[],&*!?%@ \t\n0x~`.+\\_<=e'.split(''),
      '',
      '  ',
      '\n  ',
      ': ',
      ' #',
      '- ',
      '\n- ',
      '---',
      '...',
      'a: ',
    ),
  ),
});
const text = fc
  .tuple(node, fc.array(mutation, { maxLength: 3 }), fc.constantFrom('\n', '\n', '', '\n\n', ' '))
  .map(([{ lines }, mutations, end]) => mutations.reduce(mutate, lines.join('\n') + end));

function mutate(
  before: string,
  { at, removed, added }: { at: number; removed: number; added: string },
) {
  const from = at % (before.length + 1);
  return before.slice(0, from) + added + before.slice(from + removed);
}

const filesBelow = (folder: string, ending: string): string[] =>
  (existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [])
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

/** The header of a Markdown file, which is YAML as strangers write it. */
const headerOf = (path: string): string[] =>
  /^---\n([\s\S]*?\n)---\n/.exec(readFileSync(path, 'utf8'))?.slice(1, 2) ?? [];

describe('readSimpleYaml', () => {
  it('answers what the full reader does, or nothing', () => {
    let taken = 0;
    fc.assert(
      fc.property(text, (one) => {
        if (isTaken(one)) taken++;
      }),
      { numRuns: RUNS },
    );

    // Else it would prove nothing.
    expect(taken).toBeGreaterThan(RUNS / 20);
  });

  it.each([
    ['the template', filesBelow(join(root, 'registry-template'), '.yaml'), 0.9],
    ['what must be refused', filesBelow(join(root, 'test/fixtures'), '.yaml'), 0.3],
  ])('reads %s alike', (_, paths, share) => {
    const taken = paths.filter((path) => isTaken(decode(path)));

    expect(taken.length / paths.length).toBeGreaterThan(share);
  });

  it('reads the headers of real collections alike, most of them at once', () => {
    const headers = filesBelow(testData('.'), '.md').flatMap(headerOf);
    const taken = headers.filter(isTaken);

    expect(taken.length).toBeGreaterThanOrEqual(headers.length * 0.8);
  });

  it('takes what documents are mostly made of', () => {
    const lines = ['# note', "a: it's 1.2.3", 'b: {c: [x, "y"], d: team:sales}', 'e:', '  - f: -5'];

    expect(
      readSimpleYaml([...lines, '    g: |', '      one', '', '        two', ''].join('\n')),
    ).toEqual({
      a: "it's 1.2.3",
      b: { c: ['x', 'y'], d: 'team:sales' },
      e: [{ f: -5, g: 'one\n\n  two\n' }],
    });
  });

  it.each([
    ['anchors', 'a: &x 1'],
    ['tags', 'a: !!str 1'],
    ['escapes', 'a: "\\t"'],
    ['text over several lines', 'a: b\n  c'],
    ['document markers', '---\na: b'],
    ['a comment behind a value', 'a: b # c'],
    ['numbers that are not plain', 'a: 1e3'],
    ['other spellings of true', 'a: True'],
    ['a key given twice', 'a: 1\na: 2'],
    ['tabs', 'a:\tb'],
    ['an empty text', ''],
    ['too many pairs', Array.from({ length: 1001 }, (_, i) => `k${i}: 1`).join('\n')],
    ['depth', Array.from({ length: 17 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['depth on one line', `a: ${'['.repeat(17)}${']'.repeat(17)}`],
  ])('leaves %s to the full reader', (_, one) => {
    expect(readSimpleYaml(one)).toBeUndefined();
  });

  it.each(['[', '- ', 'a: ', '{a: ', "'", 'a:\n', '- a: |\n', ' ', '[a,', '\n'])(
    'is done with a file of nothing but %j at once',
    (pattern) => {
      const one = `k: ${pattern.repeat(Math.floor((256 * 1024) / pattern.length))}`;
      const startedAt = cpuMs();

      isTaken(one.slice(0, 2_000));
      readSimpleYaml(one);

      expect(cpuMs() - startedAt).toBeLessThan(1500);
    },
  );
});

describe('readYaml', () => {
  it('finds positions in what was read at once', () => {
    const read = readYaml('a: 1\nb: {c: 2}\n');

    expect(read.ok && read.value.offsetOf(['b', 'c'], 'value')).toBe(12);
  });
});
