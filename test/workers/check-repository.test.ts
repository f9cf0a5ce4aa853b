import { cp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ZERO_OID } from '../../src/model/names.ts';
import type { Run } from '../../src/queue/jobs.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { type CheckDeps, checkRepository } from '../../src/workers/check-repository.ts';
import { flipByte } from '../faults/flip-byte.ts';
import { runGit } from '../support/git.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';

const at = '2026-03-01T12:00:00.000Z';
const QUICK = { isFull: false };
const FULL = { isFull: true };

let org: TestOrg;
let run: Run;
let deps: CheckDeps;
/** Orgs that are to be looked at again. */
let again: string[];

beforeEach(async () => {
  org = await makeTestOrg();
  run = await begin();
  again = [];
  const log = { info() {}, warn() {}, error: (_: object, message: string) => logged.push(message) };
  const logged = org.logged;
  deps = {
    runtimes: { find: (slug) => (slug === 'acme' ? org.runtime : undefined) },
    quarantines: org.stores.quarantines,
    clock: () => org.nowMs,
    log: log as CheckDeps['log'],
    refetch: async () => false,
    checkAgain: async (slug) => void again.push(slug),
  };
});
afterEach(() => org.remove());

async function begin(slug = 'acme'): Promise<Run> {
  const { jobs } = org.stores;
  const order = { org: slug, kind: 'check', key: '', payload: null, runAt: at };
  const { id } = await jobs.schedule(order, at);
  const job = await jobs.claim(id, at, '9999');
  return { ...job!, signal: new AbortController().signal };
}

/** All objects in one pack, one bit of which is flipped. Answers how to flip it back. */
async function damage(): Promise<() => Promise<void>> {
  const { path } = org.repository;
  await org.repository.git('repack', '-adq');
  const names = await readdir(join(path, 'objects/pack'));
  const pack = join(path, 'objects/pack', names.find((name) => name.endsWith('.pack'))!);
  const flip = () => flipByte(pack, 0.6);
  await flip();
  return flip;
}

const audited = async () =>
  (await org.stores.audit.list('acme', 0, 100))
    .filter(({ actor }) => actor === 'system:upkeep')
    .map(({ action, resource }) => `${action} ${resource}`);

const move = () =>
  org.runtime.moveRef(
    { ref: 'refs/heads/draft', old: ZERO_OID, new: org.repository.head },
    { actor: 'user:ada', action: 'git.push' },
  );

describe('checkRepository', () => {
  it('says nothing of a sound repository', async () => {
    await checkRepository(deps, QUICK)(run);
    await checkRepository(deps, FULL)(run);

    expect(org.runtime.quarantine).toBeUndefined();
    expect(await audited()).toEqual([]);
    expect(again).toEqual([]);
  });

  it('has nothing to do for an org that was removed meanwhile', async () => {
    await expect(checkRepository(deps, FULL)({ ...run, org: 'gone' })).resolves.toBeUndefined();
  });

  it('puts a damaged one in quarantine: served on, and nothing written', async () => {
    const { view } = org.runtime;
    await damage();

    await checkRepository(deps, FULL)(run);

    expect(await org.stores.quarantines.find('acme')).toMatchObject({ org: 'acme', since: at });
    expect(await audited()).toEqual(['registry.quarantine acme']);
    expect(again).toEqual(['acme']);
    expect(org.logged).toContain('the repository is damaged: mend it, or restore it from a backup');
    await expect(move()).rejects.toMatchObject({
      code: 'REG_CORRUPT',
      message: 'the repository is damaged and takes nothing until it is mended',
      facts: { details: { since: at } },
    });
    expect(org.runtime.view).toBe(view);
  });

  it('says so once, however often it finds the same', async () => {
    await damage();

    await checkRepository(deps, FULL)(run);
    org.nowMs += 60_000;
    await checkRepository(deps, FULL)(run);

    expect(await audited()).toEqual(['registry.quarantine acme']);
    expect(org.runtime.quarantine?.since).toBe(at);
  });

  it('keeps a quarantine over a restart', async () => {
    await damage();
    await checkRepository(deps, FULL)(run);

    const runtime = await org.restart();

    expect(() => runtime.checkWritable()).toThrow('damaged');
    expect(runtime.view.published.commit).toBe(org.repository.head);
  });

  it('ends it once the repository is mended, and not before', async () => {
    const mend = await damage();
    await checkRepository(deps, FULL)(run);

    // A quick check alone would not see a damaged file.
    await checkRepository(deps, QUICK)(run);
    expect(org.runtime.quarantine).toBeDefined();
    await mend();
    await checkRepository(deps, QUICK)(run);

    expect(await audited()).toEqual(['registry.quarantine acme', 'registry.recover acme']);
    await move();
    const commit = await org.commit({ 'README.md': 'mended\n' });
    expect(org.runtime.view.published.commit).toBe(commit);
  });

  it('by a run that was overtaken changes nothing', async () => {
    await damage();
    await org.stores.jobs.finish(run, { outcome: 'done', againAt: at }, at);
    await begin();

    await checkRepository(deps, FULL)(run);

    expect(org.runtime.quarantine).toBeUndefined();
    expect(await audited()).toEqual([]);
  });

  it('that is stopped fails, and says nothing of the repository', async () => {
    const stopped = { ...run, signal: AbortSignal.abort() };

    await expect(checkRepository(deps, FULL)(stopped)).rejects.toThrow('SIGTERM');

    expect(org.runtime.quarantine).toBeUndefined();
  });

  it('never replaces a repository that has no upstream', async () => {
    const { path } = org.repository;
    await damage();
    const { ino } = await stat(path);

    await checkRepository(deps, FULL)(run);

    expect((await stat(path)).ino).toBe(ino);
  });
});

describe('a damaged repository with an upstream', () => {
  let upstream: string;

  beforeEach(async () => {
    upstream = `${org.repository.path}.upstream`;
    await cp(org.repository.path, upstream, { recursive: true });
    deps.refetch = async (_org, dir) => {
      await runGit(dir, ['fetch', '-q', upstream, '+refs/heads/main:refs/upstream/heads/main']);
      return true;
    };
  });

  it('is replaced by what the upstream has, with its own refs that can be had', async () => {
    const { head, path } = org.repository;
    const git = (...args: string[]) => org.repository.git(...args);
    const { release } = await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    await damage();
    const { ino } = await stat(path);

    await checkRepository(deps, FULL)(run);

    expect(await audited()).toEqual(['registry.quarantine acme', 'registry.recover acme']);
    expect((await stat(path)).ino).not.toBe(ino);
    expect(await git('rev-parse', 'main')).toBe(head);
    expect(await git('rev-parse', 'refs/upstream/heads/main')).toBe(head);
    expect(org.runtime.view.releases.get('sales')).toEqual([release]);
    expect(await git('fsck', '--full')).not.toContain('error');
    const beside = await readdir(join(path, '..'));
    expect(beside.filter((name) => /^\.(mending|damaged|deleting)/.test(name))).toEqual([]);
  });

  it('takes pushes again, and reads from the new one', async () => {
    await damage();
    await checkRepository(deps, FULL)(run);

    await move();
    const commit = await org.commit({ 'README.md': 'mended\n' });

    expect(org.runtime.view.published.commit).toBe(commit);
  });

  it('stays as it is while the upstream cannot be asked', async () => {
    await damage();
    deps.refetch = () => Promise.reject(new Error('unreachable'));

    await checkRepository(deps, FULL)(run);

    expect(org.runtime.quarantine).toBeDefined();
    expect(again).toEqual(['acme']);
    expect(org.logged).toContain('the repository could not be fetched anew');
  });

  it('stays as it is when what was fetched is damaged too', async () => {
    await damage();
    const before = { ...deps };
    deps.refetch = async (slug, dir, signal) => {
      const isThere = await before.refetch(slug, dir, signal);
      await runGit(dir, ['repack', '-adq']);
      const packs = join(dir, 'objects/pack');
      const name = (await readdir(packs)).find((one) => one.endsWith('.pack'))!;
      await flipByte(join(packs, name), 0.6);
      return isThere;
    };

    await checkRepository(deps, FULL)(run);

    expect(org.runtime.quarantine).toBeDefined();
    expect(again).toEqual(['acme']);
  });

  it('is mended after a crash within the swap', async () => {
    const { path } = org.repository;
    await damage();
    await rename(path, join(path, '..', '.damaged-registry.git'));

    await checkRepository(deps, FULL)(run);

    expect(org.runtime.quarantine).toBeUndefined();
    expect(await org.repository.git('rev-parse', 'main')).toBe(org.repository.head);
  });

  afterEach(() => rm(upstream, { recursive: true, force: true }));
});
