import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRefFiles } from '../../src/git/ref-files.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;

beforeEach(async () => {
  repository = await makeRepository({ 'README.md': 'one\n' });
  for (const name of ['sales--v1.0.0', 'sales--v1.1.0', 'release/2026-11']) {
    await repository.git('tag', '-a', name, '-m', name);
  }
});

afterEach(() => repository.remove());

/** What git itself says of the same names. */
async function asGitReads(prefix: string): Promise<[string, string][]> {
  const said = await repository.git('for-each-ref', '--format=%(refname) %(objectname)', prefix);
  return said
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ') as [string, string]);
}

const read = async (name: string) => [...((await readRefFiles(repository.path, name)) ?? [])];

describe('readRefFiles', () => {
  it('reads what git reads while refs are loose', async () => {
    expect(await read('refs/tags/')).toEqual(await asGitReads('refs/tags/'));
    expect(await read('refs/tags/')).toHaveLength(3);
  });

  it('reads what git reads once they are packed', async () => {
    await repository.git('pack-refs', '--all', '--prune');

    expect(await read('refs/tags/')).toEqual(await asGitReads('refs/tags/'));
    expect(await read('refs/heads/main')).toEqual([['refs/heads/main', repository.head]]);
  });

  it('believes a loose ref over the packed one that it overtook', async () => {
    await repository.git('pack-refs', '--all', '--prune');
    const head = await repository.commit({ 'README.md': 'two\n' });

    expect(await read('refs/heads/main')).toEqual([['refs/heads/main', head]]);
  });

  it('forgets a packed ref that was deleted', async () => {
    await repository.git('pack-refs', '--all', '--prune');
    await repository.git('tag', '-d', 'sales--v1.0.0');

    const names = (await read('refs/tags/')).map(([name]) => name);

    expect(names).toEqual(['refs/tags/release/2026-11', 'refs/tags/sales--v1.1.0']);
  });

  it('finds nothing under a name that is none, a prefix of one, or a folder', async () => {
    expect(await read('refs/heads/other')).toEqual([]);
    expect(await read('refs/heads/mai')).toEqual([]);
    expect(await read('refs/tags/release')).toEqual([]);
  });

  it('takes no lock for a ref', async () => {
    await writeFile(join(repository.path, 'refs/tags/sales--v2.0.0.lock'), '');

    expect(await read('refs/tags/')).toHaveLength(3);
  });

  it.each([
    ['a symbolic ref', () => repository.git('symbolic-ref', 'refs/tags/alias', 'refs/heads/main')],
    ['a damaged ref', () => writeFile(join(repository.path, 'refs/tags/half'), '0123')],
    ['another ref format', () => mkdir(join(repository.path, 'reftable'))],
    ['no repository', () => repository.remove()],
  ])('leaves %s to git', async (_what, change) => {
    await change();

    expect(await readRefFiles(repository.path, 'refs/tags/')).toBeUndefined();
  });
});
