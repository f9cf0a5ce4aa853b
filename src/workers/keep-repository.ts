import type { PublicationStore } from '../delivery/publication.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { keepObjects } from '../git/keep.ts';
import { collectGarbage, repack, type Upkeep } from '../git/upkeep.ts';
import type { JobHandler } from '../queue/run.ts';
import { keptObjects } from './kept-objects.ts';
import { takeTurn } from './turns.ts';

export interface KeepDeps {
  runtimes: Pick<OrgRuntimes, 'find'>;
  publications: Pick<PublicationStore, 'pointers' | 'releases'>;
}

/** Hourly: joins packs where there are many. */
export const packRepository = (deps: KeepDeps): JobHandler => keepWith(deps, repack);

/** Weekly: drops what nothing reaches, packs refs, writes the commit-graph. */
export const collectRepository = (deps: KeepDeps): JobHandler => keepWith(deps, collectGarbage);

function keepWith(
  { runtimes, publications }: KeepDeps,
  work: (repo: string, upkeep: Upkeep) => Promise<unknown>,
): JobHandler {
  return async ({ org, signal }) => {
    const runtime = runtimes.find(org!);
    // Gone meanwhile; or damaged, where a collection would take what might be mended.
    if (!runtime || runtime.quarantine) return;
    await takeTurn(runtime.repo, async () => {
      await keepObjects(runtime.repo, await keptObjects(runtime, publications));
      await work(runtime.repo, { signal });
    });
  };
}
