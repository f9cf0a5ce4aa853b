import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CommitChanges,
  changedPaths,
  count,
  firstParents,
  isFirstParentAncestor,
  type Range,
} from '../../src/git/history.ts';
import { GitError } from '../../src/git/run.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
/** The first-parent line of main, oldest first. */
let line: string[];
/** Commits that main merged. */
let side: string[];

beforeAll(async () => {
  repository = await makeRepository({ 'a.yaml': '1', 'plugins/x/plugin.yaml': 'x' });
  const root = repository.head;
  const second = await repository.commit({ 'a.yaml': '2', ':odd name\n': 'odd' });
  const one = await repository.commit({ 'side.yaml': '1' }, { branch: 'side', from: root });
  const two = await repository.commit({ 'side.yaml': '2' }, { branch: 'side' });
  side = [one, two];
  const merge = await repository.commit({ 'side.yaml': '2' }, { merge: two, message: 'Merge' });
  const empty = await repository.commit({}, { message: 'Nothing' });
  const last = await repository.commit({
    'a.yaml': null,
    'b.yaml': '2',
    'plugins/x/plugin.yaml': { mode: '100755', content: 'x' },
  });
  line = [root, second, merge, empty, last];
});

afterAll(() => repository.remove());

async function read(range: Range): Promise<CommitChanges[]> {
  const commits: CommitChanges[] = [];
  for await (const commit of changedPaths(repository.path, range)) commits.push(commit);
  return commits;
}

describe('firstParents', () => {
  it('gives the line from its root, oldest first, without what was merged', async () => {
    expect(await firstParents(repository.path, repository.head)).toEqual(line);
  });

  it('gives what came after a commit', async () => {
    const after = await firstParents(repository.path, repository.head, line[2]);

    expect(after).toEqual(line.slice(3));
  });

  it('gives nothing after the head itself', async () => {
    expect(await firstParents(repository.path, repository.head, repository.head)).toEqual([]);
  });

  it('fails for a commit that is not there', async () => {
    await expect(firstParents(repository.path, '4'.repeat(40))).rejects.toThrow(GitError);
  });

  it('takes no option for a commit', async () => {
    await expect(firstParents(repository.path, '--all')).rejects.toThrow(GitError);
  });
});

describe('count', () => {
  it('is the place of a commit on the line, from 1', async () => {
    const places = await Promise.all(line.map((commit) => count(repository.path, commit)));

    expect(places).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('isFirstParentAncestor', () => {
  it('is true for the commits of the line only', async () => {
    for (const commit of line) {
      expect(await isFirstParentAncestor(repository.path, commit, repository.head)).toBe(true);
    }
    for (const commit of side) {
      expect(await isFirstParentAncestor(repository.path, commit, repository.head)).toBe(false);
    }
  });

  it('is false the other way round', async () => {
    expect(await isFirstParentAncestor(repository.path, repository.head, line[0] ?? '')).toBe(
      false,
    );
  });
});

describe('changedPaths', () => {
  it('gives what git diff gives for each commit against its first parent, newest first', async () => {
    const changes = await read({ head: repository.head });

    expect(changes.map(({ commit }) => commit)).toEqual(line.toReversed());
    for (const { commit, changes: paths } of changes) {
      expect(paths.map(({ path }) => path)).toEqual(await pathsByDiff(commit));
    }
  });

  it('gives every file of a root commit', async () => {
    const root = (await read({ head: line[0] ?? '' }))[0];

    expect(root?.changes.map(({ path }) => path)).toEqual(['a.yaml', 'plugins/x/plugin.yaml']);
  });

  it("gives a merge as what it brought to main's line", async () => {
    const merge = (await read({ head: line[2] ?? '', after: line[1] }))[0];

    expect(merge?.changes.map(({ path }) => path)).toEqual(['side.yaml']);
  });

  it('gives the new oid and mode, and none for a removed file', async () => {
    const last = (await read({ head: repository.head, after: line[3] }))[0];

    const plugin = await repository.git('rev-parse', 'main:plugins/x/plugin.yaml');
    expect(last?.changes).toEqual([
      { path: 'a.yaml', mode: '000000', oid: '0'.repeat(40) },
      { path: 'b.yaml', mode: '100644', oid: await repository.git('rev-parse', 'main:b.yaml') },
      { path: 'plugins/x/plugin.yaml', mode: '100755', oid: plugin },
    ]);
  });

  it('names the same last commit for each path as git log does for that path alone', async () => {
    const lastByPath = new Map<string, string>();
    for (const { commit, changes } of await read({ head: repository.head })) {
      for (const { path } of changes) {
        if (!lastByPath.has(path)) lastByPath.set(path, commit);
      }
    }

    for (const [path, commit] of lastByPath) {
      const log = ['log', '--first-parent', '-1', '--format=%H', 'main', '--', `:(literal)${path}`];
      expect([path, commit]).toEqual([path, await repository.git(...log)]);
    }
  });

  it('reads a long history piece by piece, and may be left at any commit', async () => {
    const long = await makeRepository({ start: '0' });
    const files = (turn: number) =>
      Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`folder-${i}/file`, `${turn}`]));
    for (let turn = 0; turn < 8; turn += 1) await long.commit(files(turn));

    let seen = 0;
    for await (const { changes } of changedPaths(long.path, { head: long.head })) {
      seen += changes.length;
    }
    for await (const { commit } of changedPaths(long.path, { head: long.head })) {
      expect(commit).toBe(long.head);
      break;
    }

    expect(seen).toBe(8 * 400 + 1);
    await long.remove();
  });

  it('fails for a commit that is not there', async () => {
    await expect(read({ head: '4'.repeat(40) })).rejects.toThrow(GitError);
  });
});

/** The same by other means: two whole trees compared. */
async function pathsByDiff(commit: string): Promise<string[]> {
  const parent = (await repository.git('log', '-1', '--format=%P', commit)).split(' ')[0];
  const against = parent || (await repository.git('mktree'));
  const text = await repository.git('diff-tree', '-r', '-z', '--name-only', against, commit);
  return text.split('\0').filter(Boolean);
}
