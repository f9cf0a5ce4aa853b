import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileWrite, fileWrites } from '../../src/git/file-writes.ts';
import type { Range } from '../../src/git/history.ts';
import { GitError } from '../../src/git/run.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;

beforeEach(async () => {
  repository = await makeRepository({ 'a.yaml': '1', 'plugins/x/plugin.yaml': 'x' });
});

afterEach(() => repository.remove());

async function read(more: Partial<Range> = {}, pathspecs: string[] = []): Promise<FileWrite[]> {
  const writes: FileWrite[] = [];
  const range = { head: repository.head, ...more };
  for await (const write of fileWrites(repository.path, range, pathspecs)) writes.push(write);
  return writes;
}

const told = (writes: readonly FileWrite[]) =>
  writes.map(({ path, isAdded }) => `${isAdded ? 'added' : 'written'} ${path}`);

describe('fileWrites', () => {
  it('tells who wrote what and when, newest first', async () => {
    await repository.commit({ 'a.yaml': '2' });

    expect(await read()).toEqual([
      {
        path: 'a.yaml',
        isAdded: false,
        by: 'Ada Author',
        atSec: Date.UTC(2026, 0, 1, 0, 1) / 1000,
      },
      { path: 'a.yaml', isAdded: true, by: 'Ada Author', atSec: Date.UTC(2026, 0, 1) / 1000 },
      expect.objectContaining({ path: 'plugins/x/plugin.yaml', isAdded: true }),
    ]);
  });

  it('looks at no more than it is asked for', async () => {
    const after = repository.head;
    await repository.commit({ 'a.yaml': '2', 'objects/y.yaml': 'y', 'b.yaml': '1' });

    const writes = await read({ after }, ['.', ':(exclude)objects']);

    expect(told(writes)).toEqual(['written a.yaml', 'added b.yaml']);
  });

  it('tells of what is there anew, and of nothing that goes', async () => {
    const after = repository.head;
    await repository.commit({ 'a.yaml': null });
    await repository.commit({ 'a.yaml': '2' });

    expect(told(await read({ after }))).toEqual(['added a.yaml']);
  });

  it('takes any name, also one like a line of the log', async () => {
    const after = repository.head;
    await repository.commit({ 'commit 12 Eve': '1', ':odd name\n': 'odd', A: '1' });

    const paths = (await read({ after })).map(({ path }) => path);

    expect(paths.toSorted()).toEqual([':odd name\n', 'A', 'commit 12 Eve']);
  });

  it('goes into what was merged, and tells of a merge what is its own', async () => {
    const after = repository.head;
    const side = await repository.commit({ 'side.yaml': '1' }, { branch: 'side', from: after });
    await repository.commit({ 'a.yaml': '2' });
    await repository.commit({ 'side.yaml': '1', 'own.yaml': '1' }, { merge: side });

    const writes = await read({ after });

    expect(told(writes)).toEqual(['added own.yaml', 'written a.yaml', 'added side.yaml']);
  });

  it('fails for a commit that is not there', async () => {
    await expect(read({ head: '4'.repeat(40) })).rejects.toThrow(GitError);
  });

  it('ends the process of who has seen enough', async () => {
    for await (const { path } of fileWrites(repository.path, { head: repository.head }, [])) {
      expect(path).toBe('a.yaml');
      break;
    }

    expect(told(await read())).toHaveLength(2);
  });
});
