import { randomUUID } from 'node:crypto';
import { makeCheckpoints } from '../audit/checkpoints.ts';
import type { Config } from '../config/config.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { refetchUpstream } from '../mirror/refetch.ts';
import type { SyncDeps } from '../mirror/sync.ts';
import { sweepBindings } from '../plugin-host/forget-bindings.ts';
import { pollIntegrations } from '../plugin-host/poll-integrations.ts';
import { createBullmqQueue } from '../queue/bullmq.ts';
import { createInProcessQueue } from '../queue/in-process.ts';
import { Jobs } from '../queue/jobs.ts';
import type { Run } from '../queue/run.ts';
import { renewRoot } from '../release/renew-root.ts';
import { checkRepository } from '../workers/check-repository.ts';
import { collectRepository, packRepository } from '../workers/keep-repository.ts';
import { sweep } from '../workers/sweep.ts';
import type { Parts } from './routers.ts';
import { storedFilesOf, sweepsOver } from './sweeps.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** How soon a damaged repository is looked at again, which somebody may have mended. */
const MENDED_MS = 10 * 60_000;
/** How often integrations are asked how they are. */
const POLL_MS = 5 * 60_000;
const AT_ONCE = 4;

/** Everything that is done without being asked for, and how often. */
export function openJobs(config: Pick<Config, 'redisUrl'>, parts: Parts & SyncDeps): Jobs {
  const { log, clock, runtimes, jobs: store } = parts;
  const { redisUrl: url } = config;
  const queue =
    url === null
      ? createInProcessQueue(AT_ONCE)
      : createBullmqQueue({ url, concurrency: AT_ONCE, log });
  const jobs = new Jobs({ jobs: store, queue, clock, log });
  const checking = {
    ...parts,
    refetch: (org: string, dir: string, signal: AbortSignal) =>
      refetchUpstream(org, dir, parts, signal),
    checkAgain: (org: string) =>
      jobs.schedule({ org, kind: 'check-all', key: '', runAtMs: clock() + MENDED_MS }),
  };
  const forgetting = { ...parts, kv: parts.pluginValues, secrets: parts.bindingVault };
  const ofOrgs = {
    pack: { everyMs: HOUR_MS, run: packRepository(parts) },
    check: { everyMs: DAY_MS, run: checkRepository(checking, { isFull: false }) },
    'check-all': { everyMs: WEEK_MS, run: checkRepository(checking, { isFull: true }) },
    collect: { everyMs: WEEK_MS, run: collectRepository(parts) },
    'poll-integrations': {
      everyMs: POLL_MS,
      run: ({ org, signal }: Run) => pollIntegrations(parts, org!, signal),
    },
    forget: { everyMs: DAY_MS, run: ({ org }: Run) => sweepBindings(forgetting, org!) },
  };
  const ofSite = {
    sweep: { everyMs: HOUR_MS, run: sweep(sweepsOver(parts, clock), log) },
    tidy: { everyMs: DAY_MS, run: sweep(storedFilesOf(parts), log) },
    vouch: { everyMs: HOUR_MS, run: () => makeCheckpoints(parts) },
    'renew-roots': { everyMs: DAY_MS, run: () => renewRoots(parts) },
  };
  for (const [kind, job] of Object.entries({ ...ofOrgs, ...ofSite })) jobs.define(kind, job);
  const ensureAll = async (org: string | null, kinds: Record<string, { everyMs: number }>) => {
    for (const [kind, { everyMs }] of Object.entries(kinds)) {
      await jobs.ensure({ org, kind, key: '', runAtMs: clock() + everyMs });
    }
  };
  const alone = (work: Promise<void>) =>
    void work.catch((error: unknown) => log.error({ error }, 'a job could not be stored'));
  alone(ensureAll(null, ofSite));
  runtimes.onOpen((runtime) => {
    const org = runtime.org.slug;
    alone(ensureAll(org, ofOrgs));
    const look = ({ diagnostics }: Pick<OrgRuntime, 'diagnostics'>) => {
      const isDamaged = diagnostics.some(({ code }) => code === 'unreadable');
      if (isDamaged) alone(jobs.schedule({ org, kind: 'check-all', key: '' }));
    };
    look(runtime);
    runtime.onChange(look);
  });
  return jobs;
}

/** One org's fault does not keep the others' clients waiting. */
export async function renewRoots({ runtimes, keys, master, clock, log }: Parts): Promise<void> {
  for (const runtime of runtimes.all()) {
    const who = { actor: 'system:reconciler', requestId: randomUUID() };
    await renewRoot({ runtime, keys, master, clock, ...who }).catch((error: unknown) => {
      log.error({ org: runtime.org.slug, error }, 'the root could not be renewed');
    });
  }
}

/** For the probe: without names, since whoever may reach the server may read it. */
export async function degradedJobs(jobs: Jobs, { runtimes }: Pick<Parts, 'runtimes'>) {
  const damaged = runtimes.all().filter(({ quarantine }) => quarantine).length;
  const health = await jobs.health().catch(() => undefined);
  // A database that is away is told as such.
  const { isQueueReachable = true, troubled = [] } = health ?? {};
  return [
    ...(damaged > 0 ? [`${damaged} repositories are damaged and take nothing`] : []),
    ...(isQueueReachable ? [] : ['Redis is away: jobs wait']),
    ...(troubled.length > 0 ? [`${troubled.length} jobs fail again and again: see the log`] : []),
  ];
}
