import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFault } from '../../src/git/fsck.ts';
import { keepObjects } from '../../src/git/keep.ts';
import { openObjectPool } from '../../src/git/object-pool.ts';
import { collectGarbage, countObjects, repack } from '../../src/git/upkeep.ts';
import { countWriter } from '../../src/git/writers.ts';
import { flipByte } from '../faults/flip-byte.ts';
import { makeRepository, runGit, type TestRepository } from '../support/git.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

let repository: TestRepository;
beforeEach(async () => {
  repository = await makeRepository({ 'registry.yaml': 'a: 1\n' });
});
afterEach(() => repository.remove());

const packsIn = async () => {
  const names = await readdir(join(repository.path, 'objects/pack'));
  return names.filter((name) => name.endsWith('.pack'));
};

/** So many packs, each of one commit. */
async function addPacks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await repository.commit({ 'n.txt': `pack ${i} of ${Date.now()}\n` });
    await repository.git('repack', '-dq');
  }
}

describe('repack', () => {
  it('leaves a small repository as it is', async () => {
    expect(await repack(repository.path, { signal })).toBe(false);
  });

  it('joins more than 20 packs', async () => {
    await addPacks(21);
    const { packs } = await countObjects(repository.path);

    expect(await repack(repository.path, { signal })).toBe(true);

    expect(packs).toBeGreaterThan(20);
    expect((await countObjects(repository.path)).packs).toBeLessThan(5);
    expect(await readdir(join(repository.path, 'objects/pack'))).toContain('multi-pack-index');
    expect(await findFault(repository.path, { isFull: true, signal })).toBeUndefined();
  });

  it('packs more than 1,000 loose objects', async () => {
    const files = Array.from({ length: 1001 }, (_, i) => [`f${i}.txt`, `${i}\n`]);
    await repository.commit(Object.fromEntries(files) as Record<string, string>);
    const [pack] = await packsIn();
    await explode(pack!);
    expect((await countObjects(repository.path)).loose).toBeGreaterThan(1000);

    expect(await repack(repository.path, { signal })).toBe(true);

    expect(await countObjects(repository.path)).toEqual({ loose: 0, packs: 1 });
  });

  it('ends at the signal, and leaves a whole repository', async () => {
    await addPacks(21);

    await expect(repack(repository.path, { signal: AbortSignal.abort() })).rejects.toThrow(
      'SIGTERM',
    );

    expect(await findFault(repository.path, { isFull: true, signal })).toBeUndefined();
  });

  it('removes what killed children left an hour ago, and nothing younger', async () => {
    const objects = join(repository.path, 'objects');
    await mkdir(join(objects, 'pack'), { recursive: true });
    const left = ['pack/tmp_pack_a1', 'pack/.tmp-12-pack-00', 'tmp_objdir-incoming-x1'];
    for (const name of left) await writeFile(join(objects, name), 'half');
    const names = async () => {
      const all = [...(await readdir(join(objects, 'pack'))), ...(await readdir(objects))];
      return all.filter((name) => name.includes('tmp'));
    };

    await repack(repository.path, { signal });
    expect(await names()).toHaveLength(3);
    await repack(repository.path, { signal, now: Date.now() + 2 * HOUR_MS });

    expect(await names()).toEqual([]);
  });

  it('leaves what a child that lives as long may still write', async () => {
    const path = join(repository.path, 'objects/pack/tmp_pack_live');
    const discount = countWriter(repository.path);
    await mkdir(join(repository.path, 'objects/pack'), { recursive: true });
    await writeFile(path, 'half');

    await repack(repository.path, { signal, now: Date.now() + 2 * HOUR_MS });
    expect(await readdir(join(repository.path, 'objects/pack'))).toContain('tmp_pack_live');
    discount();
    await repack(repository.path, { signal, now: Date.now() + 2 * HOUR_MS });

    expect(await readdir(join(repository.path, 'objects/pack'))).not.toContain('tmp_pack_live');
  });

  it('is not kept from its work by the lock of one that was killed', async () => {
    await addPacks(21);
    const lock = join(repository.path, 'objects/pack/multi-pack-index.lock');
    await writeFile(lock, '');
    await utimes(lock, new Date(0), new Date(0));

    expect(await repack(repository.path, { signal })).toBe(true);
  });
});

describe('collectGarbage', () => {
  const twoMonthsAgo = new Date(Date.now() - 60 * 24 * HOUR_MS);

  /** A commit that no ref reaches any more, of two months ago. */
  async function abandoned(): Promise<string> {
    const commit = await repository.commit({ 'draft.txt': 'x\n' }, { branch: 'draft' });
    await repository.git('update-ref', '-d', 'refs/heads/draft');
    await repository.git('reflog', 'expire', '--expire=now', '--all');
    const [pack] = await packsIn();
    if (pack) await explode(pack);
    for (const folder of await readdir(join(repository.path, 'objects'))) {
      if (folder.length !== 2) continue;
      for (const name of await readdir(join(repository.path, 'objects', folder))) {
        await utimes(join(repository.path, 'objects', folder, name), twoMonthsAgo, twoMonthsAgo);
      }
    }
    return commit;
  }

  it('drops what nothing has reached for two weeks', async () => {
    const commit = await abandoned();

    await collectGarbage(repository.path, { signal });

    await expect(repository.git('cat-file', '-e', commit)).rejects.toThrow();
    expect(await repository.git('cat-file', '-t', repository.head)).toBe('commit');
    expect(await readdir(join(repository.path, 'objects/info'))).toContain('commit-graph');
  });

  it('leaves what is pinned, until it is let go', async () => {
    const commit = await abandoned();
    await keepObjects(repository.path, new Set([commit]));

    await collectGarbage(repository.path, { signal });
    expect(await repository.git('cat-file', '-t', commit)).toBe('commit');

    await keepObjects(repository.path, new Set());
    expect(await repository.git('for-each-ref', 'refs/internal/keep')).toBe('');
  });

  it('leaves what is younger: a commit stands before its ref', async () => {
    const commit = await repository.commit({ 'draft.txt': 'x\n' }, { branch: 'draft' });
    await repository.git('update-ref', '-d', 'refs/heads/draft');

    await collectGarbage(repository.path, { signal });

    expect(await repository.git('cat-file', '-t', commit)).toBe('commit');
  });
});

describe('keepObjects', () => {
  it('pins what is named and lets go of the rest', async () => {
    const second = await repository.commit({ 'a.txt': 'x\n' });
    const first = await repository.git('rev-parse', `${second}~1`);

    await keepObjects(repository.path, new Set([first, second]));
    await keepObjects(repository.path, new Set([second]));

    expect(await repository.git('for-each-ref', '--format=%(refname)', 'refs/internal')).toBe(
      `refs/internal/keep/${second}`,
    );
  });

  it('refuses what is not there, and changes nothing', async () => {
    await keepObjects(repository.path, new Set([repository.head]));

    const pinning = keepObjects(repository.path, new Set(['1'.repeat(40)]));

    await expect(pinning).rejects.toThrow('nonexistent object');
    expect(await repository.git('for-each-ref', 'refs/internal')).toContain(repository.head);
  });
});

describe('findFault', () => {
  const check = (isFull: boolean) => findFault(repository.path, { isFull, signal });

  it('finds nothing in a sound repository', async () => {
    expect(await check(false)).toBeUndefined();
    expect(await check(true)).toBeUndefined();
  });

  it('finds a missing object without reading the others', async () => {
    const blob = await repository.git('rev-parse', `${repository.head}:registry.yaml`);
    await repository.git('repack', '-adq');
    const [pack] = await packsIn();
    await explode(pack!);
    await rm(join(repository.path, 'objects', blob.slice(0, 2), blob.slice(2)));

    expect(await check(false)).toContain(blob);
  });

  it('finds a flipped byte where it reads everything', async () => {
    await repository.git('repack', '-adq');
    const [pack] = await packsIn();
    await flipByte(join(repository.path, 'objects/pack', pack!), 0.6);

    expect(await check(true)).toMatch(/corrupt|mismatch|inflate|bad/i);
  });

  it('finds that there is no repository', async () => {
    const fault = findFault(join(repository.path, 'gone'), { isFull: false, signal });

    expect(await fault).toContain('not a git repository');
  });

  it('tells nothing when it was stopped', async () => {
    const stopped = { isFull: true, signal: AbortSignal.abort() };

    await expect(findFault(repository.path, stopped)).rejects.toThrow('SIGTERM');
  });
});

describe('an object pool', () => {
  it('reads on while upkeep puts all objects in other places', async () => {
    const pool = openObjectPool(repository.path, { size: 1 });
    await pool.readCommit(repository.head);

    for (const round of [1, 2, 3]) {
      await addPacks(12);
      const revisions = (await repository.git('rev-list', 'main')).split('\n');
      const readAll = async () => {
        const commits = await Promise.all(revisions.map((oid) => pool.readCommit(oid)));
        const trees = await Promise.all(commits.map(({ tree }) => pool.readTree(tree)));
        return await pool.readMany(trees.flat().map(({ oid }) => oid));
      };

      const [, blobs] = await Promise.all([repack(repository.path, { signal }), readAll()]);
      await collectGarbage(repository.path, { signal });

      expect(await readAll(), `round ${round}`).toEqual(blobs);
    }

    pool.close();
  });

  it('reads from the repository that was put in this one’s place', async () => {
    const other = await makeRepository({ 'other.txt': 'other\n' });
    const pool = openObjectPool(repository.path);
    await pool.readCommit(repository.head);

    await rename(repository.path, `${repository.path}.old`);
    await rename(other.path, repository.path);
    pool.reopen();

    expect(await pool.readCommit(other.head)).toBeDefined();
    await expect(pool.readCommit(repository.head)).rejects.toMatchObject({ code: 'REG_CORRUPT' });
    pool.close();
    await other.remove();
  });
});

/** A pack's objects, loose, and the pack gone. */
async function explode(pack: string): Promise<void> {
  const folder = join(repository.path, 'objects/pack');
  const aside = join(repository.path, pack);
  await rename(join(folder, pack), aside);
  await rm(folder, { recursive: true });
  await mkdir(folder);
  await runGit(repository.path, ['unpack-objects', '-q'], await readFile(aside));
  await rm(aside);
}
