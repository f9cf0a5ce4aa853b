import { setTimeout } from 'node:timers/promises';
import { unavailable } from './faults.ts';

const LONGEST_PAUSE_MS = 50;

/**
 * Tries again for as long as `isBusy` says that somebody else holds the lock.
 * The pause is a timer and not SQLite's own busy wait, which would stop every
 * other request of this process; its jitter keeps two waiters from meeting again.
 *
 * @param deadlineMs by `performance.now()`; the first attempt is made whatever it says
 * @throws {WaymarkError} `RES_UNAVAILABLE` when the deadline has passed
 */
export async function retryWhileBusy<T>(
  attempt: () => T,
  isBusy: (error: unknown) => boolean,
  deadlineMs: number,
): Promise<T> {
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() >= deadlineMs) throw unavailable('is held by another process', error);
    }
    await setTimeout(pauseMs * (0.5 + Math.random() / 2));
  }
}
