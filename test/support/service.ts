import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArtifactStore } from '../../src/database/artifact-store.ts';
import { createBundleFiles } from '../../src/database/bundle-files.ts';
import { openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { BundleCache } from '../../src/delivery/bundle-cache.ts';
import { Deliveries } from '../../src/delivery/deliveries.ts';
import { OrgRuntimes } from '../../src/delivery/runtimes.ts';
import { createStateWriter } from '../../src/delivery/state-writer.ts';
import { apiKeyRoutes } from '../../src/http/api-key-routes.ts';
import { createApp } from '../../src/http/app.ts';
import { deliveryRoutes } from '../../src/http/delivery-routes.ts';
import { gitRoutes } from '../../src/http/git-routes.ts';
import { createHotPath } from '../../src/http/hot-path.ts';
import { keyRoutes } from '../../src/http/key-routes.ts';
import { drain, listen } from '../../src/http/listen.ts';
import { orgRoutes } from '../../src/http/org-routes.ts';
import { createRateLimiter } from '../../src/http/rate-limit.ts';
import { releaseRoutes } from '../../src/http/release-routes.ts';
import { routesOf } from '../../src/http/route.ts';
import { createHttpServer, type HotPath } from '../../src/http/server.ts';
import { createAuthenticator } from '../../src/identity/authenticate.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import { ParsePool } from '../../src/registry/parse-pool.ts';
import { testMaster as master } from './org-keys.ts';
import { makeApiKey, makeEntry } from './records.ts';

/** Every part of a server but its process, with a clock that a test can set forward. */
export interface TestService {
  url: string;
  /** The same app through a second server, which has no hot path. */
  coldUrl: string;
  /** How many requests the hot path has answered by itself. */
  hotAnswers(): number;
  dataDir: string;
  /** A site administrator's key. */
  admin: string;
  advance(ms: number): void;
  /** What was logged as nobody's fault but ours. */
  logged: unknown[];
  close(): Promise<void>;
}

/** @param kept a folder that a service was closed in before, and that stays */
export async function openService(kept?: string): Promise<TestService> {
  const dataDir = kept ?? (await mkdtemp(join(tmpdir(), 'waymark-service-')));
  let aheadMs = 0;
  const clock = () => Date.now() + aheadMs;
  const logged: unknown[] = [];
  const note = (facts: unknown) => void logged.push(facts);
  const log = { info: () => {}, warn: () => {}, error: note };

  const database = await openDatabase({ file: join(dataDir, 'waymark.db') });
  const stores = createStores(database);
  const { apiKeys, clients, orgs, keys, sealed } = stores;
  const artifacts = await createArtifactStore(join(dataDir, 'artifacts'), {});
  const parsers = new ParsePool();
  const templateDir = join(import.meta.dirname, '../../registry-template');
  const shared = { ...stores, artifacts, master, parsers, clock, log };
  const runtimes = new OrgRuntimes({ ...shared, dataDir, templateDir });
  await runtimes.start();

  const authenticator = createAuthenticator({ apiKeys, clients, clock });
  const limiter = createRateLimiter('off', clock);
  const files = await createBundleFiles(join(dataDir, 'bundles'));
  const bundles = new BundleCache({ files, store: sealed, master, clock });
  const deliveries = new Deliveries(runtimes, { artifacts, bundles, clock });
  const states = createStateWriter(clients);
  const delivery = { deliveries, clients, states, bundles, artifacts, authenticator, clock };
  const names = {
    has: (slug: string) => runtimes.find(slug) !== undefined,
    slugs: () => runtimes.all().map(({ org }) => org.slug),
  };
  const api = [
    ...orgRoutes({ orgs, lifecycle: runtimes, authenticator }),
    ...apiKeyRoutes({ apiKeys, authenticator, clock }),
    ...releaseRoutes({ runtimes, artifacts, clock }),
    ...keyRoutes({ runtimes, keys, master, clock }),
  ];
  const git = gitRoutes({ findHome: (org) => runtimes.find(org), log });
  const app = createApp({
    authenticator,
    limiter,
    logError: note,
    readiness: async () => ({ isReady: true, degraded: [] }),
    routers: [
      { at: '/api/v1', router: routesOf(api, { orgs: names, isEnveloped: true }) },
      {
        at: '/v1/orgs',
        router: routesOf(deliveryRoutes(delivery), { orgs: names, isEnveloped: false }),
      },
      { at: '/', router: routesOf(git, { orgs: names, isEnveloped: false }) },
    ],
  });

  let hotAnswers = 0;
  const hot = createHotPath({ deliveries, clients, authenticator, limiter, logError: note });
  const counted: HotPath = (request, response) => {
    const isAnswered = hot(request, response);
    if (isAnswered) hotAnswers += 1;
    return isAnswered;
  };
  const servers = [counted, () => false].map((hotPath) => createHttpServer({ app, hotPath }));
  const free = { host: '127.0.0.1', port: 0 };
  const [url = '', coldUrl = ''] = await Promise.all(servers.map((one) => listen(one, free)));

  const { id, token: admin, secretHash } = mintApiKey();
  const owner = makeApiKey(id, { secretHash, org: null, user: null, roles: ['owner'] });
  await apiKeys.insert(owner, makeEntry());

  return {
    url,
    coldUrl,
    hotAnswers: () => hotAnswers,
    dataDir,
    admin,
    advance(ms) {
      aheadMs += ms;
    },
    logged,
    async close() {
      await Promise.all(servers.map((one) => drain(one, 0)));
      runtimes.close();
      parsers.close();
      await artifacts.close();
      await database.close();
      if (kept === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
