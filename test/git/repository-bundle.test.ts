import { rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRepository } from '../../src/git/repository.ts';
import { bundleRepository, unbundleRepository } from '../../src/git/repository-bundle.ts';
import { makeRepository, runGit, type TestRepository, temporaryFolder } from '../support/git.ts';

let repository: TestRepository;
let folder: string;
let bundle: string;

beforeEach(async () => {
  repository = await makeRepository({ 'a.txt': 'one' });
  folder = await temporaryFolder('waymark-bundle-');
  bundle = join(folder, 'one.bundle');
});
afterEach(async () => {
  await repository.remove();
  await rm(folder, { recursive: true });
});

describe('a repository that was bundled', () => {
  it('comes back with every ref, hidden ones too, and what they lead to', async () => {
    const { head } = repository;
    await repository.commit({ 'b.txt': 'two' }, { branch: 'draft', from: head });
    await repository.git('tag', '-a', '-m', 'A release', 'sales--v1.0.0', head);
    await repository.git('update-ref', 'refs/internal/keep/one', head);
    const copy = join(folder, 'copy.git');

    const refs = await bundleRepository(repository.path, bundle);
    const restored = await unbundleRepository(bundle, copy);

    expect(Object.keys(refs).toSorted()).toEqual([
      'refs/heads/draft',
      'refs/heads/main',
      'refs/internal/keep/one',
      'refs/tags/sales--v1.0.0',
    ]);
    expect(restored).toEqual(refs);
    expect(await runGit(copy, ['show-ref'])).toBe(await repository.git('show-ref'));
    expect(await runGit(copy, ['show', 'draft:b.txt'])).toBe('two');
    expect(await runGit(copy, ['fsck', '--full'])).toBe('');
  });

  it('is one that is hosted: with the settings and hooks of a new one', async () => {
    const [copy, fresh] = [join(folder, 'copy.git'), join(folder, 'fresh.git')];
    await createRepository(fresh);
    await bundleRepository(repository.path, bundle);

    await unbundleRepository(bundle, copy);

    const configOf = (repo: string) => runGit(repo, ['config', '--list', '--local']);
    expect(await configOf(copy)).toBe(await configOf(fresh));
    expect(await runGit(copy, ['symbolic-ref', 'HEAD'])).toBe('refs/heads/main');
  });

  it('may have no refs yet', async () => {
    const [empty, copy] = [join(folder, 'empty.git'), join(folder, 'copy.git')];
    await createRepository(empty);

    expect(await bundleRepository(empty, bundle)).toEqual({});
    expect(await unbundleRepository(undefined, copy)).toEqual({});

    expect(await runGit(copy, ['rev-parse', '--is-bare-repository'])).toBe('true');
  });

  it('does not come back from a bundle that is damaged', async () => {
    await bundleRepository(repository.path, bundle);
    await truncate(bundle, (await stat(bundle)).size - 30);

    const restoring = unbundleRepository(bundle, join(folder, 'copy.git'));

    await expect(restoring).rejects.toThrow('git fetch');
  });
});

describe('bundling a repository that lacks an object', () => {
  it('fails', async () => {
    await rm(join(repository.path, 'objects'), { recursive: true });

    await expect(bundleRepository(repository.path, bundle)).rejects.toThrow('git');
  });
});
