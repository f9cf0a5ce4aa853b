import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from './audit/logger.ts';
import { type Config, ConfigError, parseMasterKey, readConfig } from './config/config.ts';
import { holdDataDir } from './config/data-dir.ts';
import { createLog } from './config/log.ts';
import { findSecret, keepSecret, replaceSecret } from './config/secret-file.ts';
import { createArtifactStore } from './database/artifact-store.ts';
import { createBundleFiles } from './database/bundle-files.ts';
import { openDatabase } from './database/open.ts';
import { createStores, type Stores } from './database/stores.ts';
import { BundleCache } from './delivery/bundle-cache.ts';
import { Deliveries } from './delivery/deliveries.ts';
import { OrgRuntimes } from './delivery/runtimes.ts';
import { createStateWriter } from './delivery/state-writer.ts';
import { apiKeyRoutes } from './http/api-key-routes.ts';
import { createApp } from './http/app.ts';
import { deliveryRoutes } from './http/delivery-routes.ts';
import { gitRoutes } from './http/git-routes.ts';
import { greeting } from './http/greeting.ts';
import { createHotPath } from './http/hot-path.ts';
import { keyRoutes } from './http/key-routes.ts';
import { drain, listen } from './http/listen.ts';
import { orgRoutes } from './http/org-routes.ts';
import { createRateLimiter } from './http/rate-limit.ts';
import { releaseRoutes } from './http/release-routes.ts';
import { routesOf } from './http/route.ts';
import { createHttpServer } from './http/server.ts';
import type { ApiKeyStore } from './identity/api-key.ts';
import { type Authenticator, createAuthenticator } from './identity/authenticate.ts';
import { ensureSiteAdmin } from './identity/site-admin.ts';
import { WaymarkError } from './model/errors.ts';
import type { ArtifactStore } from './registry/artifacts.ts';
import { ParsePool } from './registry/parse-pool.ts';
import { publishDeclared } from './release/publish.ts';
import { renewRoot } from './release/renew-root.ts';
import { createMasterKey } from './signing/master-key.ts';

const DAY_MS = 86_400_000;
const clock = Date.now;

async function serve(config: Config): Promise<void> {
  const log = createLog();
  const service = await openService(config, log);
  const { server, runtimes } = service;
  const url = await listen(server, config);
  console.log(`waymark listening on ${url}`);
  const [runtime] = runtimes.all();
  const [plugin] = runtime?.maybeView?.published.records.keys() ?? [];
  if (runtime && plugin) {
    const keyFile = adminKeyFile(config);
    const isThere = (await findSecret(keyFile)) !== undefined;
    const shown = config.publicUrl ?? url;
    const org = runtime.org.slug;
    console.log(greeting({ url: shown, org, plugin, keyFile: isThere ? keyFile : undefined }));
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      service.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ error }, 'stopping failed');
          process.exit(1);
        },
      );
    });
  }
}

/** Everything that a server is made of, put together here and nowhere else. */
async function openService(config: Config, log: Logger) {
  const storage = await openStorage(config, log);
  const { stores, artifacts, master } = storage;
  const { apiKeys, clients } = stores;
  const templateDir = join(import.meta.dirname, '../registry-template');
  const shared = { ...stores, artifacts, master, parsers: new ParsePool(), clock, log };
  const runtimes = new OrgRuntimes({ ...shared, dataDir: config.dataDir, templateDir });
  await runtimes.start();
  await checkMasterKey(runtimes);
  await prepareSite(config, { runtimes, artifacts, apiKeys });

  const authenticator = createAuthenticator({ apiKeys, clients, clock });
  const limiter = createRateLimiter(config.rateLimit, clock);
  const logError = (error: unknown, requestId: string) =>
    log.error({ error, requestId }, 'a request failed');
  const deliveries = new Deliveries(runtimes, { ...storage, ...stores, clock });
  const parts = { ...storage, ...stores, runtimes, deliveries, authenticator, log };
  let isStopping = false;
  const app = createApp({
    authenticator,
    limiter,
    logError,
    readiness: async () => ({
      isReady: !isStopping && (await canRead(stores)),
      degraded: degradedIn(runtimes),
    }),
    routers: routersOver(parts),
  });
  const renewing = setInterval(() => void renewRoots(parts), DAY_MS).unref();
  await renewRoots(parts);
  const hotPath = createHotPath({ deliveries, clients, authenticator, limiter, logError });
  const server = createHttpServer({ app, hotPath });

  async function stop(): Promise<void> {
    isStopping = true;
    clearInterval(renewing);
    await drain(server);
    runtimes.close();
    await storage.close();
  }
  return { server, runtimes, stop };
}

/** One org's fault does not keep the others' clients waiting. */
async function renewRoots({ runtimes, keys, master, log }: Parts): Promise<void> {
  for (const runtime of runtimes.all()) {
    const who = { actor: 'system:reconciler', requestId: randomUUID() };
    await renewRoot({ runtime, keys, master, clock, ...who }).catch((error: unknown) => {
      log.error({ org: runtime.org.slug, error }, 'the root could not be renewed');
    });
  }
}

async function openStorage(config: Config, log: Logger) {
  const { dataDir, databaseUrl } = config;
  await holdDataDir(dataDir);
  const master = createMasterKey(await masterKeyOf(config));
  const isEmbedded = databaseUrl === null;
  const location = isEmbedded ? { file: join(dataDir, 'waymark.db') } : { url: databaseUrl };
  const database = await openDatabase(location);
  const stores = createStores(database);
  const artifacts = await createArtifactStore(join(dataDir, 'artifacts'), {
    onUnreadable: (file) => log.warn({ file }, 'a damaged artifact segment is made anew'),
  });
  const files = await createBundleFiles(join(dataDir, 'bundles'));
  const bundles = new BundleCache({ files, store: stores.sealed, master, clock });
  async function close(): Promise<void> {
    await artifacts.close();
    await database.close();
  }
  return { stores, artifacts, bundles, master, close };
}

type Parts = Stores &
  Pick<Awaited<ReturnType<typeof openStorage>>, 'artifacts' | 'bundles' | 'master'> & {
    runtimes: OrgRuntimes;
    deliveries: Deliveries;
    authenticator: Authenticator;
    log: Logger;
  };

function routersOver(parts: Parts) {
  const { runtimes, clients, log } = parts;
  const orgs = {
    has: (slug: string) => runtimes.find(slug) !== undefined,
    slugs: () => runtimes.all().map(({ org }) => org.slug),
  };
  const api = [
    ...orgRoutes({ ...parts, lifecycle: runtimes }),
    ...apiKeyRoutes({ ...parts, clock }),
    ...releaseRoutes({ ...parts, clock }),
    ...keyRoutes({ ...parts, clock }),
  ];
  const delivery = deliveryRoutes({ ...parts, states: createStateWriter(clients), clock });
  const git = gitRoutes({ findHome: (org) => runtimes.find(org), log });
  return [
    { at: '/api/v1', router: routesOf(api, { orgs, isEnveloped: true }) },
    { at: '/v1/orgs', router: routesOf(delivery, { orgs, isEnveloped: false }) },
    { at: '/', router: routesOf(git, { orgs, isEnveloped: false }) },
  ];
}

/** A first start makes the example org, then the administrator: a crash between is a first start again. */
async function prepareSite(
  { exampleOrg, adminToken, dataDir }: Config,
  {
    runtimes,
    artifacts,
    apiKeys,
  }: { runtimes: OrgRuntimes; artifacts: ArtifactStore; apiKeys: ApiKeyStore },
): Promise<void> {
  const isFirstStart = (await apiKeys.list(null)).length === 0;
  const actor = 'system:start';
  if (isFirstStart && exampleOrg !== null) {
    const known = runtimes.find(exampleOrg);
    const org = {
      slug: exampleOrg,
      name: 'Acme',
      initial: 'template',
      mode: 'hosted',
      actor,
    } as const;
    if (!known) await runtimes.create(org);
    const runtime = known ?? runtimes.find(exampleOrg)!;
    await publishDeclared({ runtime, artifacts, clock, actor });
  }
  const path = adminKeyFile({ dataDir });
  const file = {
    keep: (token: string) => keepSecret(path, token),
    replace: (token: string) => replaceSecret(path, token),
  };
  await ensureSiteAdmin({ apiKeys, file, chosen: adminToken, clock });
}

const adminKeyFile = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'admin-key');

async function masterKeyOf({ masterKey, dataDir }: Config): Promise<Buffer> {
  if (masterKey) return masterKey;
  const path = join(dataDir, 'master-key');
  return parseMasterKey(await keepSecret(path, randomBytes(32).toString('base64')), path);
}

/** Now, rather than at the first signature. */
async function checkMasterKey(runtimes: OrgRuntimes): Promise<void> {
  const [runtime] = runtimes.all();
  try {
    await runtime?.keyring.privateKey('index');
  } catch (cause) {
    const places = 'WAYMARK_MASTER_KEY, WAYMARK_MASTER_KEY_FILE or <data>/master-key';
    const message = `the master key (${places}) is not the one that secrets were stored with`;
    throw new ConfigError(message, { cause });
  }
}

const canRead = ({ orgs }: Stores): Promise<boolean> =>
  orgs.list().then(
    () => true,
    () => false,
  );

function degradedIn(runtimes: OrgRuntimes): string[] {
  const count = runtimes.all().filter(({ diagnostics }) => diagnostics.length > 0).length;
  return count === 0 ? [] : [`${count} organisations have conditions: see their diagnostics`];
}

try {
  await serve(readConfig());
} catch (error) {
  // What an operator can mend is told in a sentence; a bug with all that is known of it.
  const isPlain = error instanceof ConfigError || error instanceof WaymarkError;
  console.error(isPlain ? `waymark: ${error.message}` : error);
  process.exit(error instanceof ConfigError ? 2 : 1);
}
