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
 * @returns whether it changed; false also when the client has left
 */
export function waitForChange(
  runtime: OrgRuntime,
  seconds: number,
  onLeave: (leave: () => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (hasChanged: boolean) => {
      stop();
      clearTimeout(timer);
      resolve(hasChanged);
    };
    const stop = runtime.onChange(() => end(true));
    const timer = setTimeout(() => end(false), seconds * 1000 * (1 - Math.random() * 0.2));
    onLeave(() => end(false));
  });
}
