import { describe, expect, it } from 'vitest';
import { readYaml } from '../../src/registry/yaml-document.ts';

function valueIn(text: string): unknown {
  const read = readYaml(text);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value.value;
}

function codesOf(text: string): string[] {
  const read = readYaml(text);
  return read.ok ? [] : read.error.map(({ code }) => code);
}

describe('readYaml', () => {
  it('reads the core schema of YAML 1.2, not the yes and no of 1.1', () => {
    expect(valueIn('a: yes\nb: true\nc: 0o17\nd: 017\ne: ~\nf:\ng: 1e3\nh: 12:30:00')).toEqual({
      a: 'yes',
      b: true,
      c: 15,
      d: 17,
      e: null,
      f: null,
      g: 1000,
      h: '12:30:00',
    });
  });

  it('takes keys as they are written', () => {
    expect(valueIn('1: a\ntrue: b\n1.0: c\nnull: d')).toEqual({
      '1': 'a',
      true: 'b',
      '1.0': 'c',
      null: 'd',
    });
  });

  it('takes a quoted << as the string that it is', () => {
    expect(valueIn('"<<": 1')).toEqual({ '<<': 1 });
  });

  it('sees one key in two spellings', () => {
    expect(codesOf('a: 1\n"a": 2')).toEqual(['yaml-duplicate-key']);
    expect(codesOf('{a: 1, ? a : 2}')).toEqual(['yaml-complex-key']);
  });

  it('keeps names that objects inherit apart from keys', () => {
    expect(valueIn('constructor: 1\ntoString: 2')).toEqual({ constructor: 1, toString: 2 });
  });

  it('copies what an alias names, so that a change to one leaves the other', () => {
    const value = valueIn('a: &x {n: 1}\nb: *x') as { a: object; b: object };

    expect(value.b).toEqual(value.a);
    expect(value.b).not.toBe(value.a);
  });

  it('refuses aliases that multiply one another, in one sentence', () => {
    const lists = 'bcdefgh'.split('').map((name, i) => {
      return `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(',')}]`;
    });

    expect(codesOf(`a: &a [${Array(10).fill('x').join(',')}]\n${lists.join('\n')}`)).toEqual([
      'yaml-expansion',
    ]);
  });

  it('refuses aliases that nest deeper than a document may', () => {
    const deep = `a: &a ${'['.repeat(60)}1${']'.repeat(60)}`;

    expect(codesOf(`${deep}\nb: ${'['.repeat(10)}*a${']'.repeat(10)}`)).toEqual(['yaml-expansion']);
    expect(codesOf(`${deep}\nb: [*a]`)).toEqual([]);
  });

  it('refuses numbers that would not come back as they were written', () => {
    expect(codesOf('a: 9007199254740991')).toEqual([]);
    expect(codesOf('a: 9007199254740993')).toEqual(['yaml-number']);
    expect(codesOf('a: [.nan, -.inf, 1e999]')).toEqual(Array(3).fill('yaml-number'));
  });
});

describe('offsetOf', () => {
  const text = 'spec:\n  list: [a, {b: c}]\n  shared: &x {deep: 1}\n  alias: *x\n';
  const offsetOf = (pointer: string[], of: 'key' | 'value') => {
    const read = readYaml(text);
    return read.ok ? read.value.offsetOf(pointer, of) : undefined;
  };

  it('finds a key and the value under it', () => {
    expect(offsetOf(['spec', 'list'], 'key')).toBe(text.indexOf('list'));
    expect(offsetOf(['spec', 'list'], 'value')).toBe(text.indexOf('[a'));
    expect(offsetOf(['spec', 'list', '1', 'b'], 'value')).toBe(text.indexOf('c}'));
  });

  it('follows an alias to where the value was written', () => {
    expect(offsetOf(['spec', 'alias', 'deep'], 'key')).toBe(text.indexOf('deep'));
  });

  it('stops at the nearest node above what does not exist', () => {
    expect(offsetOf(['spec', 'missing', 'x'], 'key')).toBe(text.indexOf('list'));
    expect(offsetOf(['spec', 'list', '7'], 'value')).toBe(text.indexOf('[a'));
    expect(offsetOf([], 'value')).toBe(0);
  });
});
