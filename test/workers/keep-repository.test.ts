import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishVersion } from '../../src/release/publish.ts';
import {
  collectRepository,
  type KeepDeps,
  packRepository,
} from '../../src/workers/keep-repository.ts';
import { keptObjects } from '../../src/workers/kept-objects.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';

let org: TestOrg;
let deps: KeepDeps;
const run = {
  id: 'acme/pack/',
  epoch: 1,
  org: 'acme',
  key: '',
  payload: null,
  signal: new AbortController().signal,
};

beforeEach(async () => {
  org = await makeTestOrg();
  const runtimes = { find: (slug: string) => (slug === 'acme' ? org.runtime : undefined) };
  deps = { runtimes, publications: org.stores.publications };
});
afterEach(() => org.remove());

const kept = () => keptObjects(org.runtime, org.stores.publications);
const pinned = async () =>
  (await org.repository.git('for-each-ref', '--format=%(objectname)', 'refs/internal/keep'))
    .split('\n')
    .filter(Boolean);
const publish = () => publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });

describe('keptObjects', () => {
  it('names the commit that is served, also while main cannot be', async () => {
    const { head } = org.repository;
    await org.commit({ 'registry.yaml': 'broken' });

    expect(await kept()).toEqual(new Set([head]));
  });

  it('names a release whose tag is gone, and none whose tag holds it', async () => {
    const { release } = await publish();
    expect(await kept()).toEqual(new Set([org.repository.head]));

    await org.repository.git('update-ref', '-d', `refs/tags/${release.tag}`);

    expect(await kept()).toEqual(new Set([org.repository.head, release.tagOid]));
  });

  it('names nothing of an org that serves nothing', async () => {
    const fresh = await makeTestOrg({}, { slug: 'fresh' });

    expect(await keptObjects(fresh.runtime, fresh.stores.publications)).toEqual(new Set());
    await fresh.remove();
  });
});

describe('packRepository and collectRepository', () => {
  it.each([packRepository, collectRepository])(
    'pin what must stay before they begin',
    async (job) => {
      await job(deps)(run);

      expect(await pinned()).toEqual([org.repository.head]);
    },
  );

  it('let go of what is served no more', async () => {
    await packRepository(deps)(run);
    const commit = await org.commit({ 'README.md': 'second\n' });

    await packRepository(deps)(run);

    expect(await pinned()).toEqual([commit]);
  });

  it('keep a release whose tag somebody deleted', async () => {
    const { release } = await publish();
    await org.repository.git('update-ref', '-d', `refs/tags/${release.tag}`);

    await collectRepository(deps)(run);

    expect(await org.repository.git('cat-file', '-t', release.tagOid)).toBe('tag');
  });

  it('leave a damaged repository alone', async () => {
    const since = '2026-03-01T12:00:00.000Z';
    await org.runtime.setQuarantine({ org: 'acme', since, reason: 'test' });

    await collectRepository(deps)(run);

    expect(await pinned()).toEqual([]);
  });

  it('have nothing to do for an org that was removed meanwhile', async () => {
    await expect(packRepository(deps)({ ...run, org: 'gone' })).resolves.toBeUndefined();
  });

  it('show nobody what they pin', async () => {
    await packRepository(deps)(run);

    const { path } = org.repository;
    const shown = await org.repository.git('ls-remote', path);

    expect(shown).toContain('refs/heads/main');
    expect(shown).not.toContain('refs/internal');
  });
});
