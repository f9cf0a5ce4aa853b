import { chmod, mkdir, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ObjectPool, openObjectPool, type PoolOptions } from '../../src/git/object-pool.ts';
import { childrenOf } from '../support/children.ts';
import { type Files, makeRepository, type TestRepository } from '../support/git.ts';

const opened: { close(): void }[] = [];
const made: TestRepository[] = [];

afterEach(async () => {
  for (const pool of opened.splice(0)) pool.close();
  for (const repository of made.splice(0)) await repository.remove();
});

async function repositoryOf(files: Files): Promise<TestRepository> {
  const repository = await makeRepository(files);
  made.push(repository);
  return repository;
}

function poolOf({ path }: TestRepository, options?: PoolOptions): ObjectPool {
  const pool = openObjectPool(path, options);
  opened.push(pool);
  return pool;
}

const oidOf = (repository: TestRepository, spec: string) => repository.git('rev-parse', spec);

describe('readBlob', () => {
  it('gives the bytes as they are in git', async () => {
    const bytes = Buffer.from([0, 10, 13, 255, 10, 0]);
    const repository = await repositoryOf({ 'a.bin': bytes });
    const pool = poolOf(repository);

    const blob = await pool.readBlob(await oidOf(repository, 'main:a.bin'));

    expect(blob).toEqual(bytes);
  });

  it('gives an empty file', async () => {
    const repository = await repositoryOf({ empty: '' });
    const pool = poolOf(repository);

    expect(await pool.readBlob(await oidOf(repository, 'main:empty'))).toHaveLength(0);
  });

  it('gives a body that comes in many pieces', async () => {
    const bytes = Buffer.alloc(3_000_000, 'waymark ');
    const repository = await repositoryOf({ large: bytes });
    const pool = poolOf(repository);

    const blob = await pool.readBlob(await oidOf(repository, 'main:large'));

    expect(blob.equals(bytes)).toBe(true);
  });

  it('sees an object that came after the pool was opened', async () => {
    const repository = await repositoryOf({ a: 'first' });
    const pool = poolOf(repository);
    await pool.readBlob(await oidOf(repository, 'main:a'));

    await repository.commit({ a: 'second' });

    const blob = await pool.readBlob(await oidOf(repository, 'main:a'));
    expect(blob.toString()).toBe('second');
  });

  it('refuses a missing object as corrupt, and reads on', async () => {
    const repository = await repositoryOf({ a: 'here' });
    const present = await oidOf(repository, 'main:a');
    const pool = poolOf(repository, { size: 1 });

    const answers = await Promise.allSettled(
      ['1'.repeat(40), present].map((oid) => pool.readBlob(oid)),
    );

    expect(answers[0]).toMatchObject({ reason: { code: 'REG_CORRUPT' } });
    expect(answers[1]).toMatchObject({ value: Buffer.from('here') });
  });

  it('refuses an object of another type', async () => {
    const repository = await repositoryOf({ 'folder/a': 'x' });
    const pool = poolOf(repository);
    const tree = await oidOf(repository, 'main:folder');

    await expect(pool.readBlob(tree)).rejects.toMatchObject({
      code: 'REG_CORRUPT',
      message: `object ${tree} is a tree, not a blob`,
    });
  });

  it('refuses what is no object id before git hears of it', async () => {
    const pool = poolOf(await repositoryOf({ a: 'x' }));

    await expect(pool.readBlob('HEAD:a')).rejects.toMatchObject({ code: 'REG_CORRUPT' });
    await expect(pool.readBlob('x\ncontents HEAD:a')).rejects.toMatchObject({
      code: 'REG_CORRUPT',
    });
  });

  it('refuses a blob over the limit and still answers those asked beside it', async () => {
    const repository = await repositoryOf({ small: 'small', large: Buffer.alloc(5_000_000, 7) });
    const pool = poolOf(repository, { size: 1, blobLimitBytes: 1000 });
    const small = await oidOf(repository, 'main:small');
    const large = await oidOf(repository, 'main:large');

    const answers = await Promise.allSettled(
      [small, large, small].map((oid) => pool.readBlob(oid)),
    );

    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { code: 'VAL_TOO_LARGE' } });
  });

  it('gives the object itself where a replacement was pushed', async () => {
    const repository = await repositoryOf({ a: 'true', b: 'forged' });
    const [a, b] = [await oidOf(repository, 'main:a'), await oidOf(repository, 'main:b')];
    await repository.git('update-ref', `refs/replace/${a}`, b);
    const pool = poolOf(repository);

    expect((await pool.readBlob(a)).toString()).toBe('true');
  });
});

describe('readMany', () => {
  it('gives thousands of blobs in the order of their oids', async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `f${index}`);
    const repository = await repositoryOf(Object.fromEntries(names.map((name) => [name, name])));
    const pool = poolOf(repository);
    const tree = await pool.readTree(await oidOf(repository, 'main^{tree}'));

    const blobs = await pool.readMany(tree.map(({ oid }) => oid));

    expect(blobs.map(String)).toEqual(tree.map(({ name }) => name.toString()));
    expect(pool.counters).toEqual({ blobs: 3000, trees: 1, commits: 0 });
  });
});

describe('readTree', () => {
  it('gives modes, raw names and oids', async () => {
    const repository = await repositoryOf({
      'a/deep': 'x',
      'run.sh': { mode: '100755', content: '#!/bin/sh\n' },
      'ü.yaml': 'y',
    });
    const pool = poolOf(repository);

    const tree = await pool.readTree(await oidOf(repository, 'main^{tree}'));

    expect(tree.map(({ mode, name }) => [mode, name.toString()])).toEqual([
      ['40000', 'a'],
      ['100755', 'run.sh'],
      ['100644', 'ü.yaml'],
    ]);
    expect(tree[0]?.oid).toBe(await oidOf(repository, 'main:a'));
  });

  it('refuses more entries than the limit', async () => {
    const repository = await repositoryOf({ a: '1', b: '2', c: '3' });
    const pool = poolOf(repository, { treeLimitEntries: 2 });

    const tree = pool.readTree(await oidOf(repository, 'main^{tree}'));

    await expect(tree).rejects.toMatchObject({ code: 'VAL_TOO_LARGE' });
  });
});

describe('readCommit', () => {
  it('gives tree, parents, people, times and message', async () => {
    const repository = await repositoryOf({ a: '1' });
    const first = repository.head;
    await repository.commit({ a: '2' }, { message: 'Second\n\nwith a body\n' });
    const pool = poolOf(repository);

    const commit = await pool.readCommit(repository.head);

    const ada = { name: 'Ada Author', email: 'ada@example.com', atSec: 1767225660 };
    expect(commit).toEqual({
      oid: repository.head,
      tree: await oidOf(repository, 'main^{tree}'),
      parents: [first],
      author: ada,
      committer: ada,
      message: 'Second\n\nwith a body\n',
    });
  });
});

describe('readTag', () => {
  it('gives the raw tag object', async () => {
    const repository = await repositoryOf({ a: '1' });
    await repository.git('tag', '-a', 'v1', '-m', 'notes');
    const pool = poolOf(repository);

    const tag = await pool.readTag(await oidOf(repository, 'v1'));

    expect(tag.toString()).toMatch(`object ${repository.head}\ntype commit\ntag v1\ntagger `);
    expect(tag.toString()).toMatch(/\n\nnotes\n$/);
  });
});

describe('find', () => {
  it('names what a ref and a path lead to', async () => {
    const repository = await repositoryOf({ 'a folder/a file': 'four' });
    const pool = poolOf(repository);

    const file = await pool.find('main:a folder/a file');

    const oid = await oidOf(repository, 'main:a folder/a file');
    expect(file).toEqual({ oid, type: 'blob', size: 4 });
    expect(await pool.find('refs/heads/main')).toMatchObject({ oid: repository.head });
  });

  it.each([
    'refs/heads/none',
    'main:none',
    '2'.repeat(40),
    'main:none missing',
    'a\ninfo main',
    'none blob 4',
  ])('gives undefined for %j', async (spec) => {
    const pool = poolOf(await repositoryOf({ a: 'x' }));

    expect(await pool.find(spec)).toBeUndefined();
    expect(await pool.find('main:a')).toMatchObject({ size: 1 });
  });
});

describe('a damaged repository', () => {
  /** One pack of two incompressible files. */
  async function packed() {
    const noise = (seed: number) =>
      Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * seed + (i >> 3) * 31) % 251));
    const repository = await repositoryOf({ a: noise(3), b: noise(7) });
    await repository.git('repack', '-adq');
    const folder = join(repository.path, 'objects/pack');
    const pack = (await readdir(folder)).find((name) => name.endsWith('.pack')) as string;
    const a = await oidOf(repository, 'main:a');
    const b = await oidOf(repository, 'main:b');
    return { repository, pack: join(folder, pack), a, b };
  }

  async function offsetOf(repository: TestRepository, pack: string, oid: string) {
    const listing = await repository.git('verify-pack', '-v', pack.replace(/pack$/, 'idx'));
    const line = listing.split('\n').find((row) => row.startsWith(oid)) as string;
    return Number(line.trim().split(/\s+/)[4]);
  }

  it('never gives other bytes when one byte of a pack is flipped', async () => {
    const { repository, pack, a, b } = await packed();
    const start = await offsetOf(repository, pack, a);
    await chmod(pack, 0o644);
    const file = await open(pack, 'r+');
    const byte = Buffer.alloc(1);

    for (const at of [start + 2, start + 40, start + 400, start + 900]) {
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.from([(byte[0] as number) ^ 0x10]), 0, 1, at);
      const pool = poolOf(repository, { size: 1 });

      const damaged = pool.readBlob(a);
      const whole = pool.readBlob(b);

      await expect(damaged).rejects.toMatchObject({ code: 'REG_CORRUPT' });
      expect(await whole).toHaveLength(5000);
      await file.write(byte, 0, 1, at);
    }
    await file.close();
    expect(await poolOf(repository).readBlob(a)).toHaveLength(5000);
  });

  it('refuses to read on in a truncated pack', async () => {
    const { repository, pack, a, b } = await packed();
    const cut = Math.max(await offsetOf(repository, pack, a), await offsetOf(repository, pack, b));
    await chmod(pack, 0o644);
    await truncate(pack, cut + 100);
    const pool = poolOf(repository);

    const answers = await Promise.allSettled([pool.readBlob(a), pool.readBlob(b)]);

    const codes = answers.map((answer) => answer.status === 'rejected' && answer.reason.code);
    expect(codes).toContain('REG_CORRUPT');
  });

  it('is unavailable when the repository is gone', async () => {
    const { repository, a } = await packed();
    await rm(repository.path, { recursive: true });

    const blob = poolOf(repository).readBlob(a);

    await expect(blob).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });
});

describe('a process of the pool', () => {
  it('is started again after a kill, and nothing that was asked is lost', async () => {
    const repository = await repositoryOf({ a: 'still here' });
    const pool = poolOf(repository, { size: 1 });
    const a = await oidOf(repository, 'main:a');
    await pool.readBlob(a);

    const [pid] = await childrenOf(repository.path, 'cat-file');
    process.kill(pid as number, 'SIGKILL');
    const blobs = await Promise.all(Array.from({ length: 50 }, () => pool.readBlob(a)));

    expect(new Set(blobs.map(String))).toEqual(new Set(['still here']));
    expect(await childrenOf(repository.path, 'cat-file')).not.toContain(pid);
  });

  it('is unavailable when it is killed again and again', async () => {
    const repository = await repositoryOf({ a: 'x' });
    const bin = join(repository.path, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'git'), '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
    const pool = poolOf(repository, { env: { PATH: bin } });

    const blob = pool.readBlob(await oidOf(repository, 'main:a'));

    await expect(blob).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });

  it('is unavailable when git cannot be started', async () => {
    const repository = await repositoryOf({ a: 'x' });
    const pool = poolOf(repository, { env: { PATH: '/nonexistent' } });

    const blob = pool.readBlob(await oidOf(repository, 'main:a'));

    await expect(blob).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });

  it('is closed when idle and started again when asked', async () => {
    const repository = await repositoryOf({ a: 'x' });
    const pool = poolOf(repository, { size: 1, idleMs: 1 });
    const a = await oidOf(repository, 'main:a');
    await pool.readBlob(a);

    await expect.poll(() => childrenOf(repository.path, 'cat-file')).toEqual([]);

    expect((await pool.readBlob(a)).toString()).toBe('x');
  });

  it('ends with the pool, and later reads are unavailable', async () => {
    const repository = await repositoryOf({ a: 'x' });
    const pool = poolOf(repository);
    const a = await oidOf(repository, 'main:a');
    await pool.readBlob(a);

    pool.close();

    await expect(pool.readBlob(a)).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    await expect.poll(() => childrenOf(repository.path, 'cat-file')).toEqual([]);
  });
});
