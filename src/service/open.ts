import type { Server } from 'node:http';
import { join } from 'node:path';
import { settleAll } from '../changes/change-request-settle.ts';
import type { Config } from '../config/config.ts';
import type { Stores } from '../database/stores.ts';
import { Deliveries } from '../delivery/deliveries.ts';
import { OrgRuntimes } from '../delivery/runtimes.ts';
import { createApp } from '../http/app.ts';
import { createHotPath } from '../http/hot-path.ts';
import { drain } from '../http/listen.ts';
import { managementRouter } from '../http/management-router.ts';
import { createAuthenticator } from '../identity/authenticate.ts';
import { createManagementAuth } from '../identity/management.ts';
import { createPasswords } from '../identity/password.ts';
import { type Attempt, checkPassword } from '../identity/password-check.ts';
import { Mirrors } from '../mirror/mirrors.ts';
import { proposeUpstream } from '../mirror/propose.ts';
import { timers } from '../mirror/schedule.ts';
import { ParsePool } from '../registry/parse-pool.ts';
import { createVault } from '../secrets/vault.ts';
import { openErrands } from './errands.ts';
import { openHooks } from './hooks.ts';
import { openJobs, renewRoots } from './jobs.ts';
import { openLimits } from './limits.ts';
import { openPlugins } from './plugins.ts';
import { readinessOf } from './readiness.ts';
import { type Parts, routersOver } from './routers.ts';
import { openOidc, openTokens } from './sign-in.ts';
import { managementKeyOf, prepareSite } from './site.ts';
import { openStorage, type Surroundings } from './storage.ts';
import { openTelemetry } from './telemetry.ts';

const templateDir = join(import.meta.dirname, '../../registry-template');

/** Everything that a server is made of but its socket, put together here and nowhere else. */
export async function openService(config: Config, surroundings: Surroundings) {
  const { log, clock, lookup } = surroundings;
  const storage = await openStorage(config, surroundings);
  const { stores, artifacts, bundles, master, backup } = storage;
  const parsers = new ParsePool();
  const outbound = { allow: config.outboundAllow, ...(lookup && { lookup }) };
  const shared = { ...stores, ...surroundings, artifacts, bundles, master, backup, outbound };
  const runtimes = new OrgRuntimes({ ...shared, parsers, dataDir: config.dataDir, templateDir });
  await runtimes.start();
  runtimes.onOpen((runtime) => runtime.onFollow(() => settleAll({ ...shared, runtime })));
  const generatedKey = await prepareSite(config, { ...shared, runtimes });
  const vault = createVault(shared);
  const remotes = { ...shared, vault, scratchDir: join(config.dataDir, 'scratch') };
  const mirrors = new Mirrors({ ...remotes, scheduler: timers, random: Math.random });

  const people = loggingIn(shared);
  const tokens = openTokens(config, { ...storage, log, clock });
  const authenticator = createAuthenticator({ ...stores, ...people, ...tokens, clock });
  const { limiter, tiers, close: closeLimits } = openLimits(config, { runtimes, clock, log });
  const logError = failuresTo(log);
  const deliveries = new Deliveries(runtimes, shared);
  const oidc = openOidc(config, { ...storage, log, clock, authenticator });
  const own = { publicUrl: config.publicUrl, ...people, ...tokens, oidc, authenticator };
  const upstream = { vault, mirrors, proposeUpstream: proposeUpstream(remotes) };
  const served = { ...shared, ...own, ...upstream, runtimes, deliveries };
  const parts: Parts = { ...served, ...(await openPlugins(config, served)) };
  const key = await managementKeyOf(config, log);
  const jobs = openJobs(config, { ...parts, ...remotes });
  openHooks(jobs, parts);
  await mirrors.start(runtimes, openErrands(jobs, { ...parts, ...remotes }));
  let isStopping = false;
  const { openApi, routers, management, pages } = routersOver(parts, { tiers });
  const { metrics, metricsApp, onAnswered } = openTelemetry(config, { ...parts, jobs });
  const app = createApp({
    metrics,
    authenticator,
    limiter,
    logError,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    management: managementRouter(createManagementAuth({ key, clock }), management),
    pages,
    readiness: readinessOf(config, { ...parts, jobs, isStopping: () => isStopping }),
    routers,
  });
  const hotPath = createHotPath({ ...parts, limiter, logError });
  await renewRoots(parts);
  jobs.start();

  /** Lets requests finish, then closes everything. */
  async function stop(servers: readonly Server[], graceMs?: number): Promise<void> {
    isStopping = true;
    deliveries.watchers.letGo();
    await Promise.all([...servers.map((server) => drain(server, graceMs)), jobs.stop()]);
    closeLimits();
    await parts.plugins.close();
    runtimes.close();
    await mirrors.settled();
    parsers.close();
    await storage.close();
  }
  const { plugins } = parts;
  const service = {
    app,
    hotPath,
    metricsApp,
    onAnswered,
    openApi,
    runtimes,
    stores,
    jobs,
    plugins,
  };
  return { ...service, stop, generatedKey };
}

const failuresTo = (log: Surroundings['log']) => (error: unknown, requestId: string) =>
  log.error({ error, requestId }, 'a request failed');

/** How people prove who they are by a password. */
function loggingIn(deps: Pick<Stores, 'users' | 'lockouts'> & Pick<Surroundings, 'clock'>) {
  const passwords = createPasswords();
  const check = (attempt: Attempt) => checkPassword({ ...deps, passwords }, attempt);
  return { passwords, checkPassword: check };
}
