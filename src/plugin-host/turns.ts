import { WaymarkError } from '../model/errors.ts';

/** How many calls a server part is given at a time; the others stand in a row. */
export class Turns {
  readonly #inFlight: number;
  readonly #queued: number;
  readonly #row = new Set<() => void>();
  #running = 0;

  constructor({ inFlight, queued }: { inFlight: number; queued: number }) {
    this.#inFlight = inFlight;
    this.#queued = queued;
  }

  /**
   * Runs `work` in its turn.
   *
   * @throws {WaymarkError} `PLG_BUSY` when the row is full
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running < this.#inFlight) this.#running += 1;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** Without being free in between: nobody jumps the row. */
  #passOn(): void {
    const [next] = this.#row;
    if (!next) {
      this.#running -= 1;
      return;
    }
    this.#row.delete(next);
    next();
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#row.size >= this.#queued) {
      throw new WaymarkError('PLG_BUSY', 'too many calls wait for the plugin: retry');
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#row.add(resolve);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
      this.#row.delete(resolve);
    }
  }
}
