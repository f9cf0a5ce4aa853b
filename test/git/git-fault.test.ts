import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffFiles } from '../../src/git/diff.ts';
import { gitFault } from '../../src/git/git-fault.ts';
import { firstParents } from '../../src/git/history.ts';
import { mergeTrees } from '../../src/git/merge-tree.ts';
import { GitError, runGit } from '../../src/git/run.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
let before: string;
let after: string;

beforeEach(async () => {
  repository = await makeRepository({ 'a.md': 'one' });
  before = repository.head;
  after = await repository.commit({ 'a.md': 'two' });
});
afterEach(() => repository.remove());

const loose = (oid: string) => join(repository.path, 'objects', oid.slice(0, 2), oid.slice(2));
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: unknown) => gitFault(error)?.code,
  );

const readers: [name: string, read: () => Promise<unknown>][] = [
  ['a merge', () => mergeTrees(repository.path, { ours: before, theirs: after })],
  ['a diff', () => diffFiles(repository.path, before, after)],
  ['the history', () => firstParents(repository.path, after)],
];

describe('gitFault', () => {
  it.each(readers)('calls %s of a commit that is lost damage', async (_, read) => {
    await rm(loose(after));

    expect(await codeOf(read())).toBe('REG_CORRUPT');
  });

  it.each(readers)('calls %s of a commit that has other bytes damage', async (_, read) => {
    await rm(loose(after));
    await writeFile(loose(after), 'not what zlib wrote');

    expect(await codeOf(read())).toBe('REG_CORRUPT');
  });

  it.each(readers)('calls %s in a damaged pack damage', async (_, read) => {
    await repository.git('repack', '-adq');
    const folder = join(repository.path, 'objects/pack');
    const pack = (await readdir(folder)).find((name) => name.endsWith('.pack'))!;
    await rm(join(folder, pack));
    await writeFile(join(folder, pack), 'PACK');

    expect(await codeOf(read())).toBe('REG_CORRUPT');
  });

  it('calls a diff of a lost file damage', async () => {
    await rm(loose(await repository.git('rev-parse', `${after}:a.md`)));

    expect(await codeOf(diffFiles(repository.path, before, after))).toBe('REG_CORRUPT');
  });

  it('calls a git that was killed unavailable', async () => {
    const late = runGit(repository.path, ['-c', 'alias.wait=!sleep 5', 'wait'], {
      timeoutSec: 0.1,
    });

    expect(await codeOf(late)).toBe('RES_UNAVAILABLE');
  });

  it.each([
    { exitCode: null, signal: 'SIGXFSZ', stderr: '' },
    { exitCode: 128, signal: null, stderr: 'error: unable to write file: No space left on device' },
  ])('calls %j a full storage', (end) => {
    expect(gitFault(new GitError('merge-tree', end))?.code).toBe('RES_STORAGE_FULL');
  });

  it('leaves what is a bug', async () => {
    expect(await codeOf(runGit(repository.path, ['merge-tree', '--nonsense']))).toBeUndefined();
    expect(gitFault(new TypeError('read of undefined'))).toBeUndefined();
  });
});
