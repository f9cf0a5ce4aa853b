import type { OrgRuntime } from './runtime.ts';

const LONGEST_WAIT_SEC = 120;

/** `Prefer: wait=30` → 30; undefined when the client does not want to wait. */
export function waitOf(prefer: string | undefined): number | undefined {
  const [, seconds] = /(?:^|[,;\s])wait=(\d+)/.exec(prefer ?? '') ?? [];
  return seconds === undefined ? undefined : Math.min(Number(seconds), LONGEST_WAIT_SEC);
}

/** Those who wait for what is served to change. */
export class Watchers {
  readonly #leaves = new Set<() => void>();
  #areLetGo = false;

  /**
   * Waits for a change, or for most of `seconds`: up to a fifth less, so that
   * clients that began together part. Costs a timer and two closures.
   *
   * @returns whether it changed; false also once the client has left, or all are let go
   */
  wait(
    runtime: Pick<OrgRuntime, 'onChange'>,
    seconds: number,
    left: AbortSignal,
  ): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (hasChanged: boolean) => {
        stop();
        clearTimeout(timer);
        this.#leaves.delete(leave);
        left.removeEventListener('abort', leave);
        resolve(hasChanged);
      };
      const leave = () => end(false);
      const stop = runtime.onChange(() => end(true));
      const timer = setTimeout(leave, seconds * 1000 * (1 - Math.random() * 0.2));
      this.#leaves.add(leave);
      left.addEventListener('abort', leave);
      if (left.aborted || this.#areLetGo) leave();
    });
  }

  /** Before the server stops: nobody is to wait any more. */
  letGo(): void {
    this.#areLetGo = true;
    for (const leave of this.#leaves) leave();
  }
}
