import { LRUCache } from 'lru-cache';
import type { Caller } from '../identity/caller.ts';
import { networkOf } from '../identity/network.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

/** Whose requests are counted together: somebody in an org, or an address. */
export interface Principal {
  /** Null for the site, and for an address. */
  org: string | null;
  name: string;
}

/** `light`: reports of a client's state, and answers that nothing has changed. */
export type Load = 'full' | 'light';

export interface Taken {
  isAllowed: boolean;
  /** For the answer, whatever it is; none where nothing is limited. */
  headers: Readonly<Record<string, string>>;
  /** 0 when allowed. */
  retryAfterSec: number;
}

export interface RateLimiter {
  /** Takes one request from the principal's bucket, if there is one left in it. */
  take(who: Principal, load?: Load): Taken;
  /** For a full one that turned out to be light. */
  exchange(who: Principal): void;
}

/** Requests a minute for each principal of an org, or of none. */
export type PerMinuteOf = (org: string | null) => number | 'off';

/** How much larger the bucket of light requests is. */
const LIGHT_FACTOR = 10;
/** The largest burst, as a part of a minute's requests. */
const BURST_PART = 10;
const BUCKETS = 50_000;

export const UNLIMITED: Taken = { isAllowed: true, headers: {}, retryAfterSec: 0 };

export const keyOf = ({ org, name }: Principal, load: Load): string => `${load} ${org}/${name}`;

export const loadLimit = (perMinute: number, load: Load): number =>
  load === 'light' ? perMinute * LIGHT_FACTOR : perMinute;

export const burstOf = (perMinute: number): number =>
  Math.max(1, Math.round(perMinute / BURST_PART));

/** `tokens` were in the bucket at `atMs`. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A bucket a principal and load: it holds a tenth of a minute's requests and is
 * refilled evenly. Own code, since a window that is counted, as
 * `rate-limiter-flexible` has it, lets twice the limit through at its edge and
 * answers only through a promise, which the hot path cannot wait for.
 */
export function createRateLimiter(perMinuteOf: PerMinuteOf, clock: Clock): RateLimiter {
  // The least recently used is forgotten: a full bucket is what it starts with.
  const buckets = new LRUCache<string, Bucket>({ max: BUCKETS });

  function filled(who: Principal, load: Load, perMinute: number): Bucket {
    const nowMs = clock();
    const key = keyOf(who, load);
    const burst = burstOf(perMinute);
    const bucket = buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    // A clock that goes back refills nothing, and takes nothing.
    const refill = Math.max(0, nowMs - bucket.atMs) * (perMinute / 60_000);
    bucket.tokens = Math.min(burst, bucket.tokens + refill);
    bucket.atMs = nowMs;
    buckets.set(key, bucket);
    return bucket;
  }

  function take(who: Principal, load: Load = 'full'): Taken {
    const limit = perMinuteOf(who.org);
    if (limit === 'off') return UNLIMITED;
    const perMinute = loadLimit(limit, load);
    const bucket = filled(who, load, perMinute);
    const isAllowed = bucket.tokens >= 1;
    if (isAllowed) bucket.tokens -= 1;
    return takenOf(bucket, perMinute, isAllowed);
  }

  function exchange(who: Principal): void {
    const limit = perMinuteOf(who.org);
    if (limit === 'off' || !take(who, 'light').isAllowed) return;
    const bucket = filled(who, 'full', limit);
    bucket.tokens = Math.min(burstOf(limit), bucket.tokens + 1);
  }

  return { take, exchange };
}

function takenOf({ tokens, atMs }: Bucket, perMinute: number, isAllowed: boolean): Taken {
  const perMs = perMinute / 60_000;
  const fullAtMs = atMs + (burstOf(perMinute) - tokens) / perMs;
  return {
    isAllowed,
    headers: {
      'X-RateLimit-Limit': String(perMinute),
      'X-RateLimit-Remaining': String(Math.floor(tokens)),
      'X-RateLimit-Reset': String(Math.ceil(fullAtMs / 1000)),
    },
    retryAfterSec: isAllowed ? 0 : Math.ceil((1 - tokens) / perMs / 1000),
  };
}

const principals = new WeakMap<Caller, Principal>();

/** A caller is the same object for as long as it is known: the hot path makes no text a request. */
export function principalOf(caller: Caller): Principal {
  const known = principals.get(caller);
  if (known) return known;
  const principal = { org: caller.org, name: `${caller.kind}:${caller.id}` };
  principals.set(caller, principal);
  return principal;
}

/** @param address as `findClientAddress` has it: a header could name any */
export const addressOf = (address: string | undefined): Principal => ({
  org: null,
  name: `address:${networkOf(address)}`,
});

const REPORT = /^\/v1\/orgs\/[^/?]+\/delivery\/clients\/[^/?]+\/state(?:\?|$)/;

/** What can be said of a request before it is answered. */
export const loadOf = (method: string | undefined, url = ''): Load =>
  method === 'POST' && REPORT.test(url) ? 'light' : 'full';

/** @param scope what the bucket is of: a caller's kind, or an `address` */
export function rateLimited({ retryAfterSec }: Taken, scope: string): WaymarkError {
  const message = `too many requests: try again in ${retryAfterSec} s`;
  return new WaymarkError('RATE_LIMITED', message, { details: { scope, retryAfterSec } });
}
