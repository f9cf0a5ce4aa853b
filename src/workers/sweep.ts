import type { Logger } from '../audit/logger.ts';
import type { JobHandler } from '../queue/run.ts';

/** Hourly: one sweep's fault does not keep the others from theirs. */
export function sweep(
  sweeps: Readonly<Record<string, () => Promise<number>>>,
  log: Logger,
): JobHandler {
  return async ({ signal }) => {
    const faults: unknown[] = [];
    for (const [what, remove] of Object.entries(sweeps)) {
      signal.throwIfAborted();
      try {
        const count = await remove();
        if (count > 0) log.info({ what, count }, 'removed what was out of date');
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, `${faults.length} sweeps failed`);
  };
}
