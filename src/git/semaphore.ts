/** At most `slots` at once, in the order of asking; at most `waiting` ask in vain for now. */
export class Semaphore {
  readonly #waitingLimit: number;
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(slots: number, waitingLimit: number) {
    this.#free = slots;
    this.#waitingLimit = waitingLimit;
  }

  /** The answer gives the slot back. Undefined at once when too many wait already. */
  acquire(): Promise<() => void> | undefined {
    const release = () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    };
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(release);
    }
    if (this.#waiting.length >= this.#waitingLimit) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(release));
    });
  }
}
