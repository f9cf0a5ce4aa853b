import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { makeCheckpoints } from '../audit/checkpoints.ts';
import type { Config } from '../config/config.ts';
import type { Stores } from '../database/stores.ts';
import { Deliveries } from '../delivery/deliveries.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { OrgRuntimes } from '../delivery/runtimes.ts';
import { createApp } from '../http/app.ts';
import { createHotPath } from '../http/hot-path.ts';
import { drain } from '../http/listen.ts';
import { createRateLimiter } from '../http/rate-limit.ts';
import { createAuthenticator } from '../identity/authenticate.ts';
import { TIERS } from '../identity/org.ts';
import { ParsePool } from '../registry/parse-pool.ts';
import { renewRoot } from '../release/renew-root.ts';
import { type Parts, routersOver } from './routers.ts';
import { checkMasterKey, prepareSite } from './site.ts';
import { openStorage, type Surroundings } from './storage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const templateDir = join(import.meta.dirname, '../../registry-template');

/** Everything that a server is made of but its socket, put together here and nowhere else. */
export async function openService(config: Config, surroundings: Surroundings) {
  const { log, clock } = surroundings;
  const storage = await openStorage(config, surroundings);
  const { stores, artifacts, bundles, master } = storage;
  const parsers = new ParsePool();
  const shared = { ...stores, ...surroundings, artifacts, bundles, master };
  const runtimes = new OrgRuntimes({ ...shared, parsers, dataDir: config.dataDir, templateDir });
  await runtimes.start();
  await checkMasterKey(runtimes);
  await prepareSite(config, { ...shared, runtimes });

  const authenticator = createAuthenticator({ ...stores, clock });
  const perMinuteOf = (org: string | null) =>
    config.rateLimit ??
    TIERS[(org === null ? undefined : runtimes.find(org))?.org.tier ?? 'standard'];
  const limiter = createRateLimiter(perMinuteOf, clock);
  const logError = (error: unknown, requestId: string) =>
    log.error({ error, requestId }, 'a request failed');
  const deliveries = new Deliveries(runtimes, shared);
  const parts: Parts = { ...shared, runtimes, deliveries, authenticator };
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
  const hotPath = createHotPath({ ...parts, limiter, logError });
  const renewing = setInterval(() => void renewRoots(parts), DAY_MS).unref();
  const vouching = setInterval(() => void makeCheckpoints(parts), HOUR_MS).unref();
  await renewRoots(parts);

  /** Lets requests finish, then closes everything. */
  async function stop(servers: readonly Server[], graceMs?: number): Promise<void> {
    isStopping = true;
    clearInterval(renewing);
    clearInterval(vouching);
    await Promise.all(servers.map((server) => drain(server, graceMs)));
    runtimes.close();
    parsers.close();
    await storage.close();
  }
  return { app, hotPath, runtimes, stores, stop };
}

/** One org's fault does not keep the others' clients waiting. */
async function renewRoots({ runtimes, keys, master, clock, log }: Parts): Promise<void> {
  for (const runtime of runtimes.all()) {
    const who = { actor: 'system:reconciler', requestId: randomUUID() };
    await renewRoot({ runtime, keys, master, clock, ...who }).catch((error: unknown) => {
      log.error({ org: runtime.org.slug, error }, 'the root could not be renewed');
    });
  }
}

const canRead = ({ orgs }: Stores): Promise<boolean> =>
  orgs.list().then(
    () => true,
    () => false,
  );

function degradedIn(runtimes: OrgRuntimes): string[] {
  const count = (holds: (runtime: OrgRuntime) => boolean) => runtimes.all().filter(holds).length;
  const conditions = count(({ diagnostics }) => diagnostics.length > 0);
  const gaps = count(({ hasAuditGap }) => hasAuditGap);
  return [
    ...(conditions > 0
      ? [`${conditions} organisations have conditions: see their diagnostics`]
      : []),
    ...(gaps > 0 ? [`${gaps} organisations have a gap in their audit log: see audit.gap`] : []),
  ];
}
