import { readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeStaleLocks } from '../../src/git/locks.ts';
import { openRefs, type Refs } from '../../src/git/refs.ts';
import { countWriter } from '../../src/git/writers.ts';
import { ZERO_OID } from '../../src/model/names.ts';
import { childrenOf } from '../support/children.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
let refs: Refs;
let first: string;
let second: string;
const ref = 'refs/heads/topic';

beforeEach(async () => {
  repository = await makeRepository({ a: '1' });
  first = repository.head;
  second = await repository.commit({ a: '2' });
  refs = openRefs(repository.path);
});

afterEach(async () => {
  refs.close();
  await repository.remove();
});

async function lock(path: string, ageSec: number): Promise<string> {
  const file = join(repository.path, path);
  await writeFile(file, '');
  const at = Date.now() / 1000 - ageSec;
  await utimes(file, at, at);
  return file;
}

describe('updateRef', () => {
  it('creates, moves and removes a ref', async () => {
    expect(await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first })).toBe('updated');
    expect(await refs.read(ref)).toBe(first);

    expect(await refs.updateRef({ ref, oldOid: first, newOid: second })).toBe('updated');
    expect(await refs.read(ref)).toBe(second);

    expect(await refs.updateRef({ ref, oldOid: second, newOid: ZERO_OID })).toBe('updated');
    expect(await refs.read(ref)).toBeUndefined();
  });

  it('keeps one process for many transactions', async () => {
    await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first });
    const before = await childrenOf(repository.path, 'update-ref');

    for (let turn = 0; turn < 10; turn += 1) {
      const [oldOid, newOid] = turn % 2 ? [second, first] : [first, second];
      await refs.updateRef({ ref, oldOid, newOid });
    }

    expect(before).toHaveLength(1);
    expect(await childrenOf(repository.path, 'update-ref')).toEqual(before);
  });

  it('is a conflict when the ref holds another oid, and when it exists already', async () => {
    await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: second });

    expect(await refs.updateRef({ ref, oldOid: first, newOid: second })).toBe('conflict');
    expect(await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first })).toBe('conflict');
    expect(await refs.read(ref)).toBe(second);
  });

  it('is a conflict when the ref is gone', async () => {
    expect(await refs.updateRef({ ref, oldOid: first, newOid: second })).toBe('conflict');
  });

  it('goes on after a conflict', async () => {
    await refs.updateRef({ ref, oldOid: first, newOid: second });

    expect(await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first })).toBe('updated');
  });

  it('lets exactly one of two servers create the same tag, 50 times', async () => {
    const other = openRefs(repository.path);
    try {
      for (let turn = 0; turn < 50; turn += 1) {
        const tag = `refs/tags/t${turn}`;

        const outcomes = await Promise.all([
          refs.updateRef({ ref: tag, oldOid: ZERO_OID, newOid: first }),
          other.updateRef({ ref: tag, oldOid: ZERO_OID, newOid: second }),
        ]);

        expect(outcomes.toSorted()).toEqual(['conflict', 'updated']);
        const winner = outcomes[0] === 'updated' ? first : second;
        expect(await refs.read(tag)).toBe(winner);
      }
    } finally {
      other.close();
    }
  });

  it('writes who and when into the reflog', async () => {
    await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first });

    const log = await readFile(join(repository.path, 'logs', ref), 'utf8');

    expect(log).toMatch(`${ZERO_OID} ${first} Waymark <waymark@localhost> `);
  });

  it.each([
    'topic',
    'refs/heads/a b',
    'refs/heads/a\ncommit',
    'refs/heads/..',
    'refs/heads/x.lock',
  ])('refuses the name %j', async (name) => {
    const update = refs.updateRef({ ref: name, oldOid: ZERO_OID, newOid: first });

    await expect(update).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('refuses a name below an existing ref', async () => {
    const update = refs.updateRef({
      ref: 'refs/heads/main/below',
      oldOid: ZERO_OID,
      newOid: first,
    });

    await expect(update).rejects.toMatchObject({ code: 'RES_STATE_CONFLICT' });
  });

  it('is unavailable for an object that is not there', async () => {
    const update = refs.updateRef({ ref, oldOid: ZERO_OID, newOid: '3'.repeat(40) });

    await expect(update).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    expect(await refs.read(ref)).toBeUndefined();
  });

  it('is unavailable while another writer holds the lock', async () => {
    await lock(`${ref}.lock`, 1);

    const update = refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first });

    await expect(update).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });

  it('gets past a lock that a killed writer left', async () => {
    await lock(`${ref}.lock`, 60);

    expect(await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first })).toBe('updated');
  });

  it('works after its process was killed', async () => {
    await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first });
    const [pid] = await childrenOf(repository.path, 'update-ref');
    process.kill(pid as number, 'SIGKILL');

    expect(await refs.updateRef({ ref, oldOid: first, newOid: second })).toBe('updated');
  });
});

describe('read and list', () => {
  it('give full names under a prefix only', async () => {
    await repository.git('tag', '-a', 'v1', '-m', 'one');
    await refs.updateRef({ ref, oldOid: ZERO_OID, newOid: first });

    const heads = await refs.list('refs/heads/');

    expect([...heads]).toEqual([
      ['refs/heads/main', second],
      [ref, first],
    ]);
    expect(await refs.read('refs/heads')).toBeUndefined();
    expect((await refs.list('refs/tags/')).get('refs/tags/v1')).toBe(
      await repository.git('rev-parse', 'v1'),
    );
  });

  it('are unavailable when the repository is gone', async () => {
    await rm(repository.path, { recursive: true });

    await expect(refs.read(ref)).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });
});

describe('removeStaleLocks', () => {
  const nobody = () => false;

  it('removes old locks of refs and of the repository, and nothing else', async () => {
    await lock('refs/heads/main.lock', 31);
    await lock('packed-refs.lock', 31);
    await lock('notes.txt', 31);

    const locks = await removeStaleLocks(repository.path, nobody);

    expect(locks.removed.toSorted()).toEqual(['packed-refs.lock', 'refs/heads/main.lock']);
    expect(locks.left).toEqual([]);
    expect(await readFile(join(repository.path, 'notes.txt'), 'utf8')).toBe('');
  });

  it('leaves a lock that is younger than the lease', async () => {
    await lock('refs/heads/main.lock', 29);

    const locks = await removeStaleLocks(repository.path, nobody);

    expect(locks).toEqual({ removed: [], left: ['refs/heads/main.lock'] });
  });

  it("leaves all while another server's lease is live", async () => {
    await lock('refs/heads/main.lock', 60);

    const { removed } = await removeStaleLocks(repository.path, () => true);

    expect(removed).toEqual([]);
  });

  it('leaves a lock that a live child of ours may hold, and removes one from before it', async () => {
    await lock('refs/heads/before.lock', 60);
    const done = countWriter(repository.path);
    await lock('refs/heads/since.lock', -60);

    const later = { now: Date.now() + 120_000 };
    const { removed, left } = await removeStaleLocks(repository.path, nobody, later);
    done();

    expect(removed).toEqual(['refs/heads/before.lock']);
    expect(left).toEqual(['refs/heads/since.lock']);
    expect((await removeStaleLocks(repository.path, nobody, later)).removed).toEqual(left);
  });

  it('never removes through a symlink', async () => {
    const target = await lock('elsewhere', 60);
    await symlink(target, join(repository.path, 'refs/heads/main.lock'));

    const locks = await removeStaleLocks(repository.path, nobody, { leaseMs: -1000 });

    expect(locks).toEqual({ removed: [], left: ['refs/heads/main.lock'] });
  });
});
