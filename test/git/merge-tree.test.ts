import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changedPathsBetween, mergeTrees } from '../../src/git/merge-tree.ts';
import { GitError } from '../../src/git/run.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
let base: string;

const LINES = 'one\ntwo\nthree\nfour\nfive\n';

beforeEach(async () => {
  repository = await makeRepository({ 'a.yaml': LINES, 'b.yaml': 'b\n', 'c.yaml': 'c\n' });
  base = repository.head;
});
afterEach(() => repository.remove());

const merge = (ours: string, theirs: string) => mergeTrees(repository.path, { ours, theirs });
const show = (tree: string, path: string) => repository.git('show', `${tree}:${path}`);

describe('mergeTrees', () => {
  it('puts together what two commits changed in one file, and moves no ref', async () => {
    const theirs = await repository.commit(
      { 'a.yaml': LINES.replace('five', 'FIVE') },
      { branch: 'topic', from: base },
    );
    const ours = await repository.commit({ 'a.yaml': LINES.replace('one', 'ONE') });
    const refs = await repository.git('show-ref');

    const merged = await merge(ours, theirs);

    expect(merged).toEqual({ isClean: true, tree: expect.stringMatching(/^[0-9a-f]{40}$/) });
    const { tree } = merged as { tree: string };
    expect(await show(tree, 'a.yaml')).toBe('ONE\ntwo\nthree\nfour\nFIVE');
    expect(await show(tree, 'b.yaml')).toBe('b');
    expect(await repository.git('show-ref')).toBe(refs);
  });

  it('names every path that two commits changed differently, each once', async () => {
    const theirs = await repository.commit(
      { 'a.yaml': 'theirs\n', 'b.yaml': null, 'c.yaml': 'same\n' },
      { branch: 'topic', from: base },
    );
    const ours = await repository.commit({
      'a.yaml': 'ours\n',
      'b.yaml': 'ours\n',
      'c.yaml': 'same\n',
    });

    expect(await merge(ours, theirs)).toEqual({
      isClean: false,
      conflicts: ['a.yaml', 'b.yaml'],
    });
  });

  it('takes histories that have nothing in common for a conflict', async () => {
    await repository.git('symbolic-ref', 'HEAD', 'refs/heads/other');
    const other = await repository.commit({ 'z.yaml': 'z\n' }, { branch: 'other' });

    expect(await merge(base, other)).toEqual({ isClean: false, conflicts: [] });
  });

  it('throws for a commit that is not there', async () => {
    await expect(merge(base, 'f'.repeat(40))).rejects.toBeInstanceOf(GitError);
  });
});

describe('changedPathsBetween', () => {
  it('lists what came, went, and is other, a renamed file as both', async () => {
    const head = await repository.commit({
      'a.yaml': { mode: '100755', content: LINES },
      'b.yaml': null,
      'folder/b.yaml': 'b\n',
      'odd name\t.yaml': 'new\n',
    });

    expect(await changedPathsBetween(repository.path, base, head)).toEqual([
      { path: 'a.yaml', status: 'changed' },
      { path: 'b.yaml', status: 'removed' },
      { path: 'folder/b.yaml', status: 'added' },
      { path: 'odd name\t.yaml', status: 'added' },
    ]);
  });

  it('lists nothing between a commit and itself', async () => {
    expect(await changedPathsBetween(repository.path, base, base)).toEqual([]);
  });
});
