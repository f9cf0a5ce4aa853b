import type { OrgRuntime } from '../delivery/runtime.ts';
import { nextDelayMs, type Scheduler } from './schedule.ts';
import { type SyncDeps, type SyncReason, syncUpstream } from './sync.ts';
import { Verifier } from './verify.ts';

export interface MirrorDeps extends SyncDeps {
  scheduler: Scheduler;
  /** 0 to 1. */
  random: () => number;
}

/** One mirrored org: one sync at a time, by the clock, by a hint, or because somebody asked. */
export class Mirror {
  readonly runtime: OrgRuntime;
  readonly #deps: MirrorDeps;
  readonly #verifier: Verifier;
  #callOff: () => void = () => {};
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;
  #failures = 0;

  constructor(runtime: OrgRuntime, deps: MirrorDeps) {
    this.runtime = runtime;
    this.#deps = deps;
    this.#verifier = new Verifier(runtime, deps.log);
  }

  /** Syncs in a row that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Something may have moved upstream: looks now, however long it was to wait. */
  hint(): void {
    this.#syncAlone('hint');
  }

  /**
   * Resolves when the upstream was looked at after this call. Calls during a run
   * share the next one.
   *
   * @throws as `syncUpstream`
   */
  sync(reason: SyncReason): Promise<void> {
    if (this.#waiting) return this.#waiting;
    if (!this.#running) return this.#begin(reason);
    this.#waiting = this.#running
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined;
        return this.#begin(reason);
      });
    return this.#waiting;
  }

  #begin(reason: SyncReason): Promise<void> {
    this.#running = this.#run(reason).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(reason: SyncReason): Promise<void> {
    this.#callOff();
    try {
      await syncUpstream(this.runtime, this.#verifier, this.#deps, { reason });
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      throw error;
    } finally {
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.runtime.closing.aborted) return;
    const { scheduler, random } = this.#deps;
    this.#callOff = scheduler(nextDelayMs(this.#failures, random()), () => this.#syncAlone('poll'));
  }

  #syncAlone(reason: SyncReason): void {
    if (this.runtime.closing.aborted) return;
    // Why it failed is stored and logged by the sync itself.
    this.sync(reason).catch(() => {});
  }

  /** Once the runtime is closed: nothing of it runs any more. */
  async settled(): Promise<void> {
    this.#callOff();
    await this.#waiting?.catch(() => {});
    await this.#running?.catch(() => {});
  }
}
