import type { Wakeup } from '../queue/job.ts';

/** The jobs that stores schedule with what they write: whoever runs jobs hears of them. */
export class Scheduling {
  readonly #listeners: ((job: Wakeup) => void)[] = [];

  onScheduled(listener: (job: Wakeup) => void): void {
    this.#listeners.push(listener);
  }

  announce(job: Wakeup): void {
    for (const listener of this.#listeners) listener(job);
  }
}
