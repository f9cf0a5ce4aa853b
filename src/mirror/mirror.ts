import type { OrgRuntime } from '../delivery/runtime.ts';
import { toTime } from '../model/clock.ts';
import { Branches } from './branches.ts';
import type { Errands } from './errands.ts';
import { Releases } from './releases.ts';
import { nextDelayMs, type Scheduler } from './schedule.ts';
import { type SyncDeps, type SyncReason, syncUpstream } from './sync.ts';
import type { Condition, ConditionKind } from './upstream.ts';
import { Verifier } from './verify.ts';

export interface MirrorDeps extends SyncDeps {
  scheduler: Scheduler;
  errands: Errands;
  /** 0 to 1. */
  random: () => number;
}

/** What keeps a mirror from following its upstream. */
export interface MirrorHealth {
  org: string;
  /** That of a condition; `unreachable` when no sync has succeeded for five minutes. */
  kind: ConditionKind | 'unreachable';
  /** RFC 3339. */
  since: string;
}

const PATIENCE_MS = 5 * 60_000;

/** One mirrored org: one sync at a time, by the clock, by a hint, or because somebody asked. */
export class Mirror {
  readonly runtime: OrgRuntime;
  readonly #deps: MirrorDeps;
  /** What remembers from one sync to the next. */
  readonly #following: { verifier: Verifier; branches: Branches; releases: Releases };
  #callOff: () => void = () => {};
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;
  /** In a row, since the last hint. */
  #failures = 0;
  #failingSinceMs: number | undefined;
  /** As the last sync left them: a probe must not ask the database for each mirror. */
  #conditions: readonly Condition[] = [];

  constructor(runtime: OrgRuntime, deps: MirrorDeps) {
    this.runtime = runtime;
    this.#deps = deps;
    this.#following = {
      verifier: new Verifier(runtime, deps.log),
      branches: new Branches(runtime, deps),
      releases: new Releases(runtime, deps),
    };
  }

  health(): MirrorHealth[] {
    const org = this.runtime.org.slug;
    const health: MirrorHealth[] = this.#conditions.map(({ kind, raisedAt: since }) => ({
      org,
      kind,
      since,
    }));
    const failingSinceMs = this.#failingSinceMs ?? Number.POSITIVE_INFINITY;
    if (this.#deps.clock() - failingSinceMs < PATIENCE_MS) return health;
    return [...health, { org, kind: 'unreachable', since: toTime(failingSinceMs) }];
  }

  /** Something may have moved upstream: looks now, however long it was to wait. */
  hint(): void {
    this.#failures = 0;
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
    const { upstreams, clock } = this.#deps;
    this.#callOff();
    try {
      await syncUpstream(this.runtime, this.#following, this.#deps, { reason });
      this.#failures = 0;
      this.#failingSinceMs = undefined;
      this.#conditions = await upstreams.conditions(this.runtime.org.slug);
    } catch (error) {
      this.#failures += 1;
      this.#failingSinceMs ??= clock();
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
