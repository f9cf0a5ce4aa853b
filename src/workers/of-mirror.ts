import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { JobHandler, Run } from '../queue/run.ts';

/** Work for a mirror; none when it was removed since. */
export const ofMirror =
  (
    { runtimes }: { runtimes: Pick<OrgRuntimes, 'find'> },
    work: (runtime: OrgRuntime, run: Run) => Promise<void>,
  ): JobHandler =>
  async (run) => {
    const runtime = runtimes.find(run.org!);
    if (runtime?.org.mode === 'mirror') await work(runtime, run);
  };
