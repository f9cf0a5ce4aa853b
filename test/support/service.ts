import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config/config.ts';
import { listen } from '../../src/http/listen.ts';
import type { OpenApi } from '../../src/http/openapi.ts';
import { createHttpServer, type HotPath } from '../../src/http/server.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Lookup } from '../../src/outbound/guard.ts';
import type { PluginHost } from '../../src/plugin-host/plugin-host.ts';
import type { Jobs } from '../../src/queue/jobs.ts';
import { openService as openWhole } from '../../src/service/open.ts';
import { conformanceTo } from './conformance.ts';

/** Every part of a server but its process, with a clock that a test can set forward. */
export interface TestService {
  url: string;
  /** The same app through a second server, which has no hot path. */
  coldUrl: string;
  /** How many requests the hot path has answered by itself. */
  hotAnswers(): number;
  dataDir: string;
  /** What it says that it answers. */
  openApi: OpenApi;
  /** A site administrator's key. */
  admin: string;
  advance(ms: number): void;
  /** What is done without being asked for. */
  jobs: Jobs;
  /** What runs of server parts. */
  plugins: PluginHost;
  /** What was logged as nobody's fault but ours. */
  logged: unknown[];
  close(): Promise<void>;
}

/**
 * @param kept a folder that a service was closed in before, and that stays
 * @param settings more of the environment
 * @param lookup the name servers, for what goes out; the system's when not given
 * @param now the clock without what a test advances; one that stands refills no bucket
 */
export async function openService(
  kept?: string,
  settings: Readonly<Record<string, string>> = {},
  { now = () => Date.now(), lookup }: { now?: Clock; lookup?: Lookup } = {},
): Promise<TestService> {
  const dataDir = kept ?? (await mkdtemp(join(tmpdir(), 'waymark-service-')));
  let aheadMs = 0;
  const clock = () => now() + aheadMs;
  const logged: unknown[] = [];
  const log = { info() {}, warn() {}, error: (facts: unknown) => void logged.push(facts) };
  const config = readConfig({
    WAYMARK_DATA_DIR: dataDir,
    WAYMARK_EXAMPLE_ORG: '',
    WAYMARK_RATE_LIMIT: 'off',
    ...settings,
  });
  const service = await openWhole(config, { log, clock, ...(lookup && { lookup }) });

  const conformance = conformanceTo(service.openApi);

  let hotAnswers = 0;
  const counted: HotPath = (request, response) => {
    conformance.watch(request, response);
    const isAnswered = service.hotPath(request, response);
    if (isAnswered) hotAnswers += 1;
    return isAnswered;
  };
  const cold: HotPath = (request, response) => {
    conformance.watch(request, response);
    return false;
  };
  const { app } = service;
  const servers = [counted, cold].map((hotPath) => createHttpServer({ app, hotPath }));
  const free = { host: '127.0.0.1', port: 0 };
  const [url = '', coldUrl = ''] = await Promise.all(servers.map((one) => listen(one, free)));
  const admin = (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();

  return {
    url,
    coldUrl,
    hotAnswers: () => hotAnswers,
    dataDir,
    openApi: service.openApi,
    admin,
    jobs: service.jobs,
    plugins: service.plugins,
    advance(ms) {
      aheadMs += ms;
    },
    logged,
    async close() {
      await service.stop(servers, 0);
      if (kept === undefined) await rm(dataDir, { recursive: true, force: true });
      conformance.check();
    },
  };
}
