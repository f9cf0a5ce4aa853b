import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

export interface BreakerTerms {
  /** Faults that open it, when they fall within `windowMs`. */
  faults: number;
  windowMs: number;
  /** The first rest; each further one is twice as long. */
  restMs: number;
  longestRestMs: number;
}

export const BREAKER: BreakerTerms = {
  faults: 3,
  windowMs: 5 * 60_000,
  restMs: 60_000,
  longestRestMs: 3_600_000,
};

/** `unsent`: the call never reached the server part. What that threw by itself is an answer. */
export type Outcome = 'answered' | 'fault' | 'unsent';

export const NO_CALLS: Readonly<Record<Outcome, number>> = { answered: 0, fault: 0, unsent: 0 };

/**
 * Keeps calls from a server part that timed out, crashed, outgrew its memory or
 * answered nonsense too often: closed, open, then half open for one probe.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #terms: BreakerTerms;
  #faults: number[] = [];
  #openings = 0;
  #openUntilMs: number | undefined;
  #isProbing = false;

  constructor(clock: Clock, terms: BreakerTerms = BREAKER) {
    this.#clock = clock;
    this.#terms = terms;
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#openUntilMs === undefined) return 'closed';
    return this.#clock() < this.#openUntilMs ? 'open' : 'half-open';
  }

  /**
   * Lets a call through; of a half-open one the first alone, as a probe.
   *
   * @throws {WaymarkError} `PLG_BREAKER_OPEN`
   */
  enter(): Attempt {
    if (this.#openUntilMs === undefined) return new Attempt(this, false);
    if (this.state === 'open' || this.#isProbing) throw this.#refusal(this.#openUntilMs);
    this.#isProbing = true;
    return new Attempt(this, true);
  }

  /** @internal By its attempts. */
  settle(outcome: Outcome, isProbe: boolean): void {
    if (isProbe) this.#isProbing = false;
    if (outcome === 'fault') this.#fault(isProbe);
    // One that had begun before it opened proves nothing about now.
    else if (outcome === 'answered' && isProbe) this.reset();
  }

  /** Of the whole server part: it came to its end, or did not start. */
  noteFault(): void {
    this.#fault(this.#isProbing);
  }

  reset(): void {
    this.#faults = [];
    this.#openings = 0;
    this.#openUntilMs = undefined;
    this.#isProbing = false;
  }

  #fault(isProbe: boolean): void {
    const now = this.#clock();
    this.#faults = [...this.#faults.filter((at) => at > now - this.#terms.windowMs), now];
    const isTooMuch = this.#openUntilMs === undefined && this.#faults.length >= this.#terms.faults;
    if (isProbe || isTooMuch) this.#open(now);
  }

  #open(now: number): void {
    const restMs = this.#terms.restMs * 2 ** this.#openings;
    this.#openUntilMs = now + Math.min(restMs, this.#terms.longestRestMs);
    this.#openings += 1;
    this.#faults = [];
  }

  #refusal(untilMs: number): WaymarkError {
    const retryAfterSec = Math.max(1, Math.ceil((untilMs - this.#clock()) / 1000));
    const message = `the plugin failed repeatedly and rests: retry in ${retryAfterSec} s`;
    return new WaymarkError('PLG_BREAKER_OPEN', message, { details: { retryAfterSec } });
  }
}

/** One call that was let through. How it went is told once; what comes later does not count. */
export class Attempt {
  readonly #breaker: Breaker;
  readonly #isProbe: boolean;
  #isSettled = false;

  constructor(breaker: Breaker, isProbe: boolean) {
    this.#breaker = breaker;
    this.#isProbe = isProbe;
  }

  settle(outcome: Outcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#breaker.settle(outcome, this.#isProbe);
  }
}
