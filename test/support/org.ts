import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createArtifactStore } from '../../src/database/artifact-store.ts';
import type { Stores } from '../../src/database/stores.ts';
import { type Actor, OrgRuntime } from '../../src/delivery/runtime.ts';
import type { Org } from '../../src/identity/org.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import { ParsePool } from '../../src/registry/parse-pool.ts';
import type { Publishing } from '../../src/release/publish.ts';
import { generateOrgKeys, openKeyring } from '../../src/signing/org-keys.ts';
import { createRoot } from '../../src/signing/root.ts';
import { createMemoryStores } from './fakes/memory-stores.ts';
import { type Files, makeRepository, type TestRepository, temporaryFolder } from './git.ts';
import { testMaster } from './org-keys.ts';
import { makeEntry, makeOrg } from './records.ts';
import { smallRegistry } from './registry.ts';

/** 2026-03-01T12:00:00Z, after the commits of a test repository. */
export const NOW_MS = Date.UTC(2026, 2, 1, 12);

/** One org on a repository, stores and an artifact folder of its own. */
export interface TestOrg {
  repository: TestRepository;
  stores: Stores;
  runtime: OrgRuntime;
  /** What the clock says. */
  nowMs: number;
  /** What was logged, by message. */
  logged: string[];
  /** Commits to `main` past the gate, as a mirror would, and follows it. */
  commit(files: Files): Promise<string>;
  publishing: Publishing;
  /** Another runtime on the same repository, database and artifacts: another node, or a restart. */
  open(stores?: Partial<Stores>): Promise<OrgRuntime>;
  /** The same with the artifacts read from disk again. */
  restart(): Promise<OrgRuntime>;
  remove(): Promise<void>;
}

export const actorWith = (...roles: Role[]): Actor => ({
  actor: 'user:ada',
  permissions: permissionsOf(roles),
});

/** @param files the registry's first commit; none leaves the repository empty */
export async function makeTestOrg(
  files: Files = smallRegistry(),
  options: { slug?: string; stores?: Stores; mode?: Org['mode'] } = {},
): Promise<TestOrg> {
  const { slug = 'acme', stores = createMemoryStores(), mode = 'hosted' } = options;
  const dir = await temporaryFolder('waymark-org-');
  const repository = await makeRepository(files);
  const org = makeOrg(slug, { mode });
  const first = { resource: 'refs/heads/main', after: repository.head };
  await stores.orgs.insert(org, makeEntry({ tenant: slug, ...first }));
  const keys = await generateOrgKeys({ org: slug, at: org.createdAt }, testMaster);
  const at = org.createdAt;
  const times = { issuedAt: at, expiresAt: new Date(NOW_MS + 365 * 86_400_000).toISOString() };
  const terms = { org: slug, orgUid: org.uid, ...times, custody: 'server' as const };
  const root = await createRoot(terms, keys, openKeyring(keys, testMaster));
  const change = { org: slug, add: keys, retire: [], forget: [], at, root };
  await stores.keys.rotate(change, makeEntry({ tenant: '*' }));

  const openArtifacts = () => createArtifactStore(join(dir, 'artifacts'));
  let artifacts = await openArtifacts();
  const parsers = new ParsePool();
  const opened: OrgRuntime[] = [];
  const logged: string[] = [];
  const say = (_: unknown, message: string) => void logged.push(message);
  const log = { info: say, warn: say, error: say };
  const clock = () => test.nowMs;

  async function open(replaced: Partial<Stores> = {}): Promise<OrgRuntime> {
    const deps = { ...stores, ...replaced, artifacts, parsers, master: testMaster, clock, log };
    const runtime = new OrgRuntime(org, repository.path, deps);
    opened.push(runtime);
    await runtime.start();
    return runtime;
  }

  const test: TestOrg = {
    repository,
    stores,
    nowMs: NOW_MS,
    logged,
    open,
    runtime: undefined as unknown as OrgRuntime,
    async commit(changes) {
      const commit = await repository.commit(changes);
      await test.runtime.refresh();
      return commit;
    },
    get publishing() {
      return { runtime: test.runtime, artifacts, clock, actor: 'user:ada' };
    },
    async restart() {
      for (const runtime of opened.splice(0)) runtime.close();
      await artifacts.close();
      artifacts = await openArtifacts();
      test.runtime = await open();
      return test.runtime;
    },
    async remove() {
      for (const runtime of opened) runtime.close();
      parsers.close();
      await artifacts.close();
      await repository.remove();
      await rm(dir, { recursive: true, force: true });
    },
  };
  test.runtime = await open();
  return test;
}
