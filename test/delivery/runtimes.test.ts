import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore } from '../../src/database/artifact-store.ts';
import { OrgRuntimes } from '../../src/delivery/runtimes.ts';
import { repositoryPath } from '../../src/git/repository.ts';
import { NOTHING_ALLOWED } from '../../src/outbound/address.ts';
import { ParsePool } from '../../src/registry/parse-pool.ts';
import { rotateKeys } from '../../src/release/rotate-keys.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { NOW_MS } from '../support/org.ts';
import { testMaster } from '../support/org-keys.ts';
import { type FileTexts, writeFiles } from '../support/plugin-contents.ts';
import { makeEntry, makeOrg } from '../support/records.ts';
import { smallRegistry } from '../support/registry.ts';

let dataDir: string;
let stores: ReturnType<typeof createMemoryStores>;
let artifacts: Awaited<ReturnType<typeof createArtifactStore>>;
let logged: string[];
const opened: OrgRuntimes[] = [];
const parsers = new ParsePool();

beforeEach(async () => {
  dataDir = await temporaryFolder('waymark-data-');
  stores = createMemoryStores();
  artifacts = await createArtifactStore(join(dataDir, 'artifacts'));
  logged = [];
  await writeFiles(join(dataDir, 'template'), smallRegistry() as FileTexts);
});
afterEach(async () => {
  for (const runtimes of opened.splice(0)) runtimes.close();
  await artifacts.close();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<OrgRuntimes> {
  const say = (_: unknown, message: string) => void logged.push(message);
  const log = { info: say, warn: say, error: say };
  const templateDir = join(dataDir, 'template');
  const clock = () => NOW_MS;
  const outbound = { allow: NOTHING_ALLOWED };
  const deps = { ...stores, artifacts, master: testMaster, parsers, clock, log, outbound };
  const runtimes = new OrgRuntimes({ ...deps, dataDir, templateDir });
  opened.push(runtimes);
  await runtimes.start();
  return runtimes;
}
const request = (slug: string, initial: 'template' | 'empty' = 'template') =>
  ({ slug, name: slug, initial, mode: 'hosted', actor: 'user:ada' }) as const;
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const actions = async (slug: string) =>
  (await stores.audit.list(slug, 0, 100)).map(({ action }) => action);

describe('OrgRuntimes.create', () => {
  it('makes an org that serves the template at once', async () => {
    const runtimes = await start();

    const org = await runtimes.create(request('acme'));

    expect(org).toMatchObject({ slug: 'acme', state: 'active' });
    const { view, keyring, repo } = runtimes.find('acme')!;
    expect([...view.published.records.keys()]).toEqual(['ops', 'sales']);
    expect(keyring.fingerprint('release')).toMatch(/^[0-9A-F]{40}$/);
    expect(await runGit(repo, ['log', '--format=%an %s', 'main'])).toBe(
      'Waymark Start the registry from the template',
    );
    expect(await actions('acme')).toEqual([
      'org.create',
      'keys.create',
      'registry.create',
      'org.activate',
    ]);
  });

  it('makes an empty one that waits for its first push', async () => {
    const runtimes = await start();

    await runtimes.create(request('acme', 'empty'));

    expect(runtimes.find('acme')?.maybeView).toBeUndefined();
  });

  it('makes a mirror with its upstream and an unborn main', async () => {
    const runtimes = await start();
    const upstream = { url: 'https://1.1.1.1/registry.git' };

    await runtimes.create({ ...request('copy', 'empty'), mode: 'mirror', upstream });

    expect(await stores.upstreams.find('copy')).toMatchObject({ ...upstream, head: null });
    expect(await runtimes.find('copy')!.refs.list('refs/')).toEqual(new Map());
    expect(await actions('copy')).toContain('upstream.set');
  });

  it('refuses a slug that is taken or none, and a mirror of nothing', async () => {
    const runtimes = await start();
    await runtimes.create(request('acme', 'empty'));

    await expect(runtimes.create(request('acme'))).rejects.toMatchObject({ code: 'RES_DUPLICATE' });
    for (const slug of ['', 'Acme', 'a--b', '../a', 'a'.repeat(64)]) {
      await expect(runtimes.create(request(slug))).rejects.toMatchObject({ code: 'VAL_FAILED' });
    }
    const mirror = { ...request('other'), mode: 'mirror' as const };
    await expect(runtimes.create(mirror)).rejects.toMatchObject({ code: 'VAL_FAILED' });
    expect((await stores.orgs.list()).map(({ slug }) => slug)).toEqual(['acme']);
  });

  it('leaves nothing behind when it fails', async () => {
    const runtimes = await start();
    await rm(join(dataDir, 'template'), { recursive: true });

    await expect(runtimes.create(request('acme'))).rejects.toThrow();

    expect(await stores.orgs.find('acme')).toBeUndefined();
    expect(await exists(repositoryPath(dataDir, 'acme'))).toBe(false);
    expect(runtimes.all()).toEqual([]);
  });

  it('tells who listens of every org, those that were there too', async () => {
    const runtimes = await start();
    const told: string[] = [];
    await runtimes.create(request('before', 'empty'));

    runtimes.onOpen(({ org }) => told.push(org.slug));
    await runtimes.create(request('after', 'empty'));

    expect(told).toEqual(['before', 'after']);
  });
});

describe('OrgRuntimes.start', () => {
  it('serves every org again, and discards what a crash left half made', async () => {
    const first = await start();
    await first.create(request('acme'));
    first.close();
    const half = makeOrg('half', { state: 'creating' });
    await stores.orgs.insert(half, makeEntry({ tenant: 'half' }));
    await mkdir(repositoryPath(dataDir, 'half'), { recursive: true });

    const runtimes = await start();

    expect(runtimes.all().map(({ org }) => org.slug)).toEqual(['acme']);
    expect(runtimes.find('acme')?.view.published.records.size).toBe(2);
    expect(await stores.orgs.find('half')).toBeUndefined();
    expect(await exists(repositoryPath(dataDir, 'half'))).toBe(false);
  });

  it('serves an org whose repository is gone, and says so', async () => {
    const first = await start();
    await first.create(request('acme'));
    await first.create(request('other'));
    first.close();
    await rm(repositoryPath(dataDir, 'acme'), { recursive: true });

    const runtimes = await start();

    expect(runtimes.find('acme')?.view.published.records.size).toBe(2);
    expect(runtimes.find('other')?.view.published.records.size).toBe(2);
    expect(logged).toContain('the repository could not be followed');
  });
});

describe('OrgRuntimes.remove', () => {
  const removal = { slug: 'acme', actor: 'user:ada' };

  it('takes an org away, repository and rows', async () => {
    const runtimes = await start();
    await runtimes.create(request('acme'));

    await runtimes.remove(removal);

    expect(runtimes.find('acme')).toBeUndefined();
    expect(await stores.orgs.list()).toEqual([]);
    expect(await stores.keys.keys('acme')).toEqual([]);
    expect(await exists(repositoryPath(dataDir, 'acme'))).toBe(false);
    await expect(runtimes.remove(removal)).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
  });

  it('leaves one that is no longer as it was read', async () => {
    const runtimes = await start();
    await runtimes.create(request('acme'));
    await runtimes.change({ ...removal, name: 'Acme Ltd' });

    await expect(runtimes.remove({ ...removal, ifMatch: 1 })).rejects.toMatchObject({
      code: 'RES_VERSION_CONFLICT',
    });
    expect(runtimes.find('acme')?.org.name).toBe('Acme Ltd');

    await runtimes.remove({ ...removal, ifMatch: 2 });
    expect(runtimes.find('acme')).toBeUndefined();
  });
});

describe('OrgRuntimes.reconcile', () => {
  it("follows every org, whatever one's fault", async () => {
    const runtimes = await start();
    await runtimes.create(request('acme'));
    await runtimes.create(request('other'));
    await rm(repositoryPath(dataDir, 'acme'), { recursive: true });
    const { repo } = runtimes.find('other')!;
    const head = await runGit(repo, ['rev-parse', 'main']);
    const tree = `${head}^{tree}`;
    const next = await runGit(repo, ['commit-tree', '-p', head, '-m', 'Next', tree]);
    await runGit(repo, ['update-ref', 'refs/heads/main', next]);

    await runtimes.reconcile();

    expect(runtimes.find('other')?.view.published.commit).toBe(next);
    expect(logged).toContain('reconciling failed');
  });

  it("takes over another node's rotation", async () => {
    const runtimes = await start();
    await runtimes.create(request('acme'));
    const [here, there] = [runtimes, await start()].map((node) => node.find('acme')!);
    const custody = { keys: stores.keys, master: testMaster, clock: () => NOW_MS };
    const who = { actor: 'user:ada', requestId: 'r-1' };
    const order = { roles: ['index'], compromised: false } as const;
    await rotateKeys({ ...custody, ...who, runtime: there! }, order);

    await runtimes.reconcile();

    expect(here?.view.rootVersion).toBe(2);
    expect(here?.keyring.fingerprint('index')).toBe(there?.keyring.fingerprint('index'));
  });
});
