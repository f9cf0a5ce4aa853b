import type { OrgRuntime } from './runtime.ts';

/** As long as a reader waits for what somebody has just written. */
const LONGEST_WAIT_MS = 5000;

type Following = Pick<OrgRuntime, 'maybeView' | 'onChange' | 'refresh'>;

/**
 * Waits until an org serves a sequence or a later one. What another node wrote
 * is looked for at once rather than when the reconciler comes by.
 *
 * @returns false when it did not come in time
 */
export async function reachSequence(
  runtime: Following,
  sequence: number,
  waitMs = LONGEST_WAIT_MS,
): Promise<boolean> {
  const isReached = () => (runtime.maybeView?.sequence ?? 0) >= sequence;
  if (isReached()) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stop = runtime.onChange(() => isReached() && resolve(true));
  const timer = setTimeout(() => resolve(false), waitMs);
  // A failure is the reconciler's to tell; the reader only learns that it is not there.
  runtime.refresh().catch(() => {});
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    stop();
  }
}
