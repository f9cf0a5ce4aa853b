import type { Fence } from '../model/fence.ts';
import type { Job } from './job.ts';

/** What a handler is given. It is also the fence for what the run writes. */
export interface Run extends Fence {
  org: string | null;
  key: string;
  payload: unknown;
  /** Aborted when the process stops, or another worker has begun the same. */
  signal: AbortSignal;
}

/**
 * Does the work. It may be done twice: after a crash, or by a worker that was
 * frozen for longer than its lock. So it writes under its fence, or what is the
 * same the second time.
 */
export type JobHandler = (run: Run) => Promise<void>;

/** Runs a claimed job, its lock renewed meanwhile. Answers what it threw. */
export async function runLocked(
  { id, epoch, org, key, payload }: Job,
  handler: JobHandler,
  options: { lockMs: number; stopping: AbortSignal; extend: () => Promise<boolean> },
): Promise<unknown> {
  const lost = new AbortController();
  const keep = async () => {
    // A database that is away says nothing of the lock.
    const isOurs = await options.extend().catch(() => true);
    if (!isOurs) lost.abort();
  };
  const timer = setInterval(() => void keep(), options.lockMs / 3).unref();
  const signal = AbortSignal.any([options.stopping, lost.signal]);
  try {
    await handler({ id, epoch, org, key, payload, signal });
    return undefined;
  } catch (error) {
    return error ?? new Error('the job failed without a reason');
  } finally {
    clearInterval(timer);
  }
}
