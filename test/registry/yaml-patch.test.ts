import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PatchStep, patchYaml } from '../../src/registry/yaml-patch.ts';
import { cpuMs } from '../support/cpu.ts';

const golden = join(import.meta.dirname, '../golden/edits');

const add = (path: string, value: unknown): PatchStep => ({ op: 'add', path, value });
const refusalOf = (text: string, ...steps: PatchStep[]) => {
  const patched = patchYaml(text, steps);
  return patched.ok ? patched.value : patched.error;
};

describe('patchYaml', () => {
  it.each(readdirSync(golden))('writes %s as its golden file', async (name) => {
    const read = (file: string) => readFileSync(join(golden, name, file), 'utf8');

    const patched = patchYaml(read('before.yaml'), JSON.parse(read('patch.json')) as PatchStep[]);

    expect(patched).toMatchObject({ ok: true });
    const text = patched.ok ? patched.value : '';
    await expect(text).toMatchFileSnapshot(join(golden, name, 'after.yaml'));
  });

  it('gives the very text where the patch comes to the same', () => {
    const text = '\na:   1   # odd\n\n\nb: [ 1,2 ]\n';
    const steps: PatchStep[] = [
      { op: 'replace', path: '/b', value: [1, 2] },
      { op: 'move', from: '/a', path: '/a' },
      { op: 'test', path: '', value: { b: [1, 2], a: 1 } },
    ];

    expect(patchYaml(text, steps)).toEqual({ ok: true, value: text });
  });

  it.each<[string, PatchStep, string]>([
    ['there is no such member', { op: 'remove', path: '/c' }, 'there is no c'],
    ['there is no such item', { op: 'remove', path: '/b/2' }, 'there is no item 2 in a list of 2'],
    ['an index has a leading zero', add('/b/01', 0), 'there is no item 01 in a list of 2'],
    ['an item would leave a gap', add('/b/3', 0), 'there is no item 3 in a list of 2'],
    [
      'a text is to hold something',
      add('/a/x', 1),
      'there is no x: what should hold it is neither a map nor a list',
    ],
    ['what is replaced is not there', { op: 'replace', path: '/c', value: 1 }, 'there is no c'],
    ['- is no item', { op: 'remove', path: '/b/-' }, 'there is no item - in a list of 2'],
    [
      'a value is moved into itself',
      { op: 'move', from: '/b', path: '/b/0' },
      'a value cannot be moved into itself',
    ],
    ['a pointer is none', add('a', 1), '"a" is no JSON pointer'],
    ['a pointer has a bad escape', add('/a~2', 1), '"/a~2" is no JSON pointer'],
    [
      'a test fails',
      { op: 'test', path: '/b', value: [1] },
      'the test failed: /b has another value',
    ],
    [
      'the document is removed',
      { op: 'remove', path: '' },
      'a document cannot be removed from its own file',
    ],
  ])('refuses a step where %s, and names it', (_why, step, message) => {
    expect(refusalOf('a: text\nb: [1, 2]\n', add('/x', 1), step)).toEqual({ step: 1, message });
  });

  it('refuses a document that does not read', () => {
    expect(refusalOf('a: [\n', add('/b', 1))).toEqual({
      message: expect.stringMatching(/^the document cannot be read: not valid YAML/),
    });
    expect(refusalOf('# only a comment\n', add('', {}))).toEqual({
      message: 'the document cannot be read: the file is empty',
    });
  });

  it.each<[string, string, PatchStep]>([
    ['an alias would lose its anchor', 'a: &x 1\nb: *x\n', { op: 'remove', path: '/a' }],
    [
      'an anchor would come after its alias',
      'a: &x 1\nb: *x\n',
      { op: 'move', from: '/a', path: '/c' },
    ],
    ['a key would mean something to programs', 'a: 1\n', add('/__proto__', {})],
    ['a number has no exact value', 'a: 1\n', add('/b', 1e300)],
    [
      'an empty line behind a text would become part of it',
      'a:\n  b: |+\n    text\n\n  c: 1\n\nd: 1\n',
      { op: 'remove', path: '/a/c' },
    ],
  ])('refuses rather than write another document: %s', (_why, text, step) => {
    expect(refusalOf(text, step)).toEqual({
      message: 'this cannot be made in the text as it is written: upsert the file',
    });
  });

  it('refuses a value that nests more deeply than a document may', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown;

    expect(refusalOf('a: 1\n', add('/b', deep))).toEqual({
      step: 0,
      message: 'the value nests too deeply',
    });
  });

  it('refuses more steps than a document of its size can be patched by in a second or two', () => {
    const numbers = `a: [${'1, '.repeat(80_000)}1]\n`;
    const steps = Array.from(
      { length: 1000 },
      (): PatchStep => ({ op: 'add', path: '/a/0', value: 2 }),
    );
    const startedAtMs = cpuMs();

    expect(refusalOf(numbers, ...steps)).toMatchObject({
      message: 'so many steps on so large a document: upsert the file',
    });
    // Once it took as long for its one line alone as there are pairs of numbers in it.
    expect(cpuMs() - startedAtMs).toBeLessThan(8000);
  });

  it('makes no document that is larger than a file may be', () => {
    const text = 'x'.repeat(5000);
    const copies = Array.from(
      { length: 60 },
      (_, i): PatchStep => ({ op: 'copy', from: '/a', path: `/c${i}` }),
    );

    expect(refusalOf('b: 1\n', { op: 'add', path: '/a', value: text }, ...copies)).toMatchObject({
      message: 'the document becomes too large, or nests too deeply',
    });
  });

  it('refuses copies that double the document again and again', () => {
    const steps = Array.from(
      { length: 40 },
      (_, i): PatchStep => ({ op: 'copy', from: '/a', path: `/a/${i}` }),
    );

    expect(refusalOf(`a:\n  text: ${'x'.repeat(100)}\n`, ...steps)).toMatchObject({
      message: 'the document becomes too large, or nests too deeply',
    });
  });

  it('reads a text that begins with an empty line and a comment', () => {
    expect(refusalOf('\n# above\na: 1\n', add('/b', 2))).toBe('\n# above\na: 1\nb: 2\n');
  });
});
