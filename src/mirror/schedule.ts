/** Starts `work` after a while; the answer calls it off. Does not keep the process alive. */
export type Scheduler = (delayMs: number, work: () => void) => () => void;

export const timers: Scheduler = (delayMs, work) => {
  const timer = setTimeout(work, delayMs).unref();
  return () => clearTimeout(timer);
};

const INTERVAL_MS = 60_000;
const LONGEST_MS = 15 * 60_000;
/** Of the delay, either way: a thousand mirrors must not ask their one upstream at once. */
const JITTER = 0.1;

/**
 * When to look at an upstream again, after it was reached or not.
 *
 * @param failures in a row
 * @param random 0 to 1
 */
export function nextDelayMs(failures: number, random: number): number {
  const delayMs = Math.min(INTERVAL_MS * 2 ** failures, LONGEST_MS);
  return Math.round(delayMs * (1 + JITTER * (2 * random - 1)));
}
