import type { OrgRuntime } from './runtime.ts';

const LONGEST_WAIT_SEC = 120;

/** `Prefer: wait=30` → 30; undefined when the client does not want to wait. */
export function waitOf(prefer: string | undefined): number | undefined {
  const [, seconds] = /(?:^|[,;\s])wait=(\d+)/.exec(prefer ?? '') ?? [];
  return seconds === undefined ? undefined : Math.min(Number(seconds), LONGEST_WAIT_SEC);
}

/**
 * Waits for what is served to change, or for most of `seconds`: up to a fifth
 * less, so that clients that began together part. Costs a timer and a closure.
 *
 * @returns whether it changed; false also once the client has left
 */
export function waitForChange(
  runtime: Pick<OrgRuntime, 'onChange'>,
  seconds: number,
  left: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (hasChanged: boolean) => {
      stop();
      clearTimeout(timer);
      left.removeEventListener('abort', leave);
      resolve(hasChanged);
    };
    const leave = () => end(false);
    const stop = runtime.onChange(() => end(true));
    const timer = setTimeout(leave, seconds * 1000 * (1 - Math.random() * 0.2));
    left.addEventListener('abort', leave);
    if (left.aborted) leave();
  });
}
