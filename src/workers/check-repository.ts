import type { Logger } from '../audit/logger.ts';
import type { QuarantineStore } from '../delivery/quarantine.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { findFault } from '../git/fsck.ts';
import { replaceRepository } from '../git/replace-repository.ts';
import { type Clock, toTime } from '../model/clock.ts';
import type { JobHandler, Run } from '../queue/run.ts';
import { takeTurn } from './turns.ts';

export interface CheckDeps {
  runtimes: Pick<OrgRuntimes, 'find'>;
  quarantines: QuarantineStore;
  clock: Clock;
  log: Logger;
  /**
   * Brings what an org's upstream has into an empty repository at `dir`. False
   * for an org that has none: its repository is never replaced.
   */
  refetch(org: string, dir: string, signal: AbortSignal): Promise<boolean>;
  /** Has a repository in quarantine looked at again. */
  checkAgain(org: string): Promise<void>;
}

const ACTOR = 'system:upkeep';

/**
 * Whether a repository can be read, by git's own check. One that cannot is put
 * in quarantine until it can: by what an operator mends, or from its upstream.
 */
export function checkRepository(deps: CheckDeps, { isFull }: { isFull: boolean }): JobHandler {
  return async (run) => {
    const runtime = deps.runtimes.find(run.org!);
    if (!runtime) return;
    await takeTurn(runtime.repo, async () => {
      // What a full check has found, a quick one would miss.
      const how = { isFull: isFull || runtime.quarantine !== undefined, signal: run.signal };
      const fault = await findFault(runtime.repo, how);
      if (fault === undefined) return await endQuarantine(runtime, run, deps);
      await beginQuarantine(runtime, fault, run, deps);
      if (await mend(runtime, run, deps)) await endQuarantine(runtime, run, deps);
      else await deps.checkAgain(runtime.org.slug);
    });
  };
}

async function beginQuarantine(
  runtime: OrgRuntime,
  reason: string,
  run: Run,
  { quarantines, clock, log }: CheckDeps,
): Promise<void> {
  const org = runtime.org.slug;
  log.error({ org, reason }, 'the repository is damaged: mend it, or restore it from a backup');
  const since = toTime(clock());
  const quarantine = { org, since, reason };
  await quarantines.begin(quarantine, run, entryOf('registry.quarantine', org, since));
  // As stored: it may have begun before, or this run may have been overtaken.
  await runtime.setQuarantine(await quarantines.find(org));
}

async function endQuarantine(
  runtime: OrgRuntime,
  run: Run,
  { quarantines, clock, log }: CheckDeps,
): Promise<void> {
  const org = runtime.org.slug;
  if (!runtime.quarantine) return;
  if (!(await quarantines.end(org, run, entryOf('registry.recover', org, toTime(clock()))))) return;
  log.info({ org }, 'the repository can be read again');
  await runtime.setQuarantine(undefined);
}

/** False when there is nowhere to take a whole repository from, now or at all. */
async function mend({ org, repo }: OrgRuntime, run: Run, deps: CheckDeps): Promise<boolean> {
  const { slug } = org;
  const fill = (dir: string) => deps.refetch(slug, dir, run.signal);
  try {
    return await replaceRepository(repo, fill, run.signal);
  } catch (error) {
    run.signal.throwIfAborted();
    deps.log.error({ org: slug, error }, 'the repository could not be fetched anew');
    return false;
  }
}

const entryOf = (action: string, org: string, at: string) => ({
  at,
  tenant: org,
  actor: ACTOR,
  action,
  resource: org,
});
