import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffFiles } from '../../src/git/diff.ts';
import { type Files, makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
beforeEach(async () => {
  repository = await makeRepository({ 'a.md': 'one\n', 'b.md': 'b\n', 'gone.md': 'gone\n' });
});
afterEach(() => repository.remove());

async function diffOf(files: Files) {
  const before = repository.head;
  return diffFiles(repository.path, before, await repository.commit(files));
}

describe('diffFiles', () => {
  it('gives each file that differs with its own lines, by path', async () => {
    const found = await diffOf({ 'a.md': 'two\n', 'gone.md': null, 'new.md': 'new\n' });

    expect(found.map(({ path, status }) => [path, status])).toEqual([
      ['a.md', 'changed'],
      ['gone.md', 'removed'],
      ['new.md', 'added'],
    ]);
    expect(found[0]?.diff).toMatch(/^diff --git a\/a\.md .*-one\n\+two\n$/s);
    expect(found[1]?.diff).toContain('-gone\n');
    expect(found[2]?.diff).toContain('+new\n');
  });

  it.each(['\r', '\u2028', '\u2029'])(
    'takes no line behind %j in a file for the head of the next one',
    async (end) => {
      const forged = `diff --git a/b.md b/b.md${end}-b${end}+nothing to see\n`;

      const found = await diffOf({ 'a.md': `one${end}${forged}`, 'b.md': 'evil\n' });

      expect(found.map(({ path }) => path)).toEqual(['a.md', 'b.md']);
      expect(found[0]?.diff).toContain('nothing to see');
      expect(found[1]?.diff).toMatch(/^diff --git a\/b\.md .*-b\n\+evil\n$/s);
    },
  );

  it('names the files alone of what is too long to show', async () => {
    const found = await diffOf({ 'a.md': 'a long line\n'.repeat(400_000), 'b.md': 'c\n' });

    expect(found).toEqual([
      { path: 'a.md', status: 'changed', diff: null },
      { path: 'b.md', status: 'changed', diff: null },
    ]);
  });
});
