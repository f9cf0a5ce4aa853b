import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRepository, deleteRepository, repositoryPath } from '../../src/git/repository.ts';
import { gitOutput, makeRepository, runGit, temporaryFolder } from '../support/git.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder('waymark-repository-');
  path = repositoryPath(folder, 'acme');
});

afterEach(() => rm(folder, { recursive: true }));

describe('repositoryPath', () => {
  it('is the same for the same org, below one of 256 folders', () => {
    expect(path).toMatch(/\/git\/[0-9a-f]{2}\/acme\.git$/);
    expect(repositoryPath(folder, 'acme')).toBe(path);
  });
});

describe('createRepository', () => {
  it('makes an empty bare repository whose branch is main', async () => {
    await createRepository(path);

    expect(await runGit(path, ['symbolic-ref', 'HEAD'])).toBe('refs/heads/main');
    expect(await runGit(path, ['rev-parse', '--is-bare-repository'])).toBe('true');
    expect(await runGit(path, ['for-each-ref'])).toBe('');
  });

  it.each([
    ['receive.fsckObjects', 'true'],
    ['receive.denyNonFastForwards', 'true'],
    ['receive.denyDeletes', 'true'],
    ['transfer.hideRefs', 'refs/internal\nrefs/upstream'],
    ['core.fsync', 'committed,reference'],
    ['gc.auto', '0'],
  ])('sets %s to %s', async (name, value) => {
    await createRepository(path);

    expect(await runGit(path, ['config', '--get-all', name])).toBe(value);
  });

  it('installs hooks that refuse a push that came around the server', async () => {
    await createRepository(path);
    const other = await makeRepository({ a: 'x' });

    const push = gitOutput(other.path, ['push', path, 'main']);

    await expect(push).rejects.toThrow('pushes go through Waymark: push to its URL');
    expect(await runGit(path, ['for-each-ref'])).toBe('');
    expect((await stat(join(path, 'hooks/pre-receive'))).mode & 0o777).toBe(0o755);
    await other.remove();
  });

  it('leaves an existing repository as it is, and nothing beside it', async () => {
    await createRepository(path);
    await writeFile(join(path, 'mine'), 'kept');

    await expect(createRepository(path)).rejects.toThrow('ENOTEMPTY');

    expect(await readdir(join(path, '..'))).toEqual(['acme.git']);
    expect(await readdir(path)).toContain('mine');
  });
});

describe('deleteRepository', () => {
  it('leaves nothing, and is content when there is nothing', async () => {
    await createRepository(path);

    await deleteRepository(path);
    await deleteRepository(path);

    expect(await readdir(join(path, '..'))).toEqual([]);
  });
});
