import type { Clock } from '../model/clock.ts';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 300_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** When to look again though nothing was pushed. No timer keeps the process alive. */
export class Reminders {
  readonly #clock: Clock;
  readonly #look: () => void;
  #retry: NodeJS.Timeout | undefined;
  #ripe: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** After a failure, later each time: its cause may be ours, and pass. */
  retry(): void {
    clearTimeout(this.#retry);
    if (this.#isClosed) return;
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LONGEST_RETRY_MS);
    this.#retry = setTimeout(this.#look, delayMs).unref();
  }

  /** It worked: the next failure is a first one again. */
  succeeded(): void {
    clearTimeout(this.#retry);
    this.#failures = 0;
  }

  /** At a moment of the clock, such as when a minimum age has passed. */
  at(ms: number): void {
    clearTimeout(this.#ripe);
    if (this.#isClosed) return;
    // A second late, since a timer may come early.
    const delayMs = Math.max(ms - this.#clock(), 0) + 1000;
    this.#ripe = setTimeout(this.#look, Math.min(delayMs, LONGEST_TIMER_MS)).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#ripe);
  }
}
