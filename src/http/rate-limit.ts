import { LRUCache } from 'lru-cache';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

export interface Taken {
  isAllowed: boolean;
  /** For the answer, whatever it is; none where nothing is limited. */
  headers: Readonly<Record<string, string>>;
  /** 0 when allowed. */
  retryAfterSec: number;
}

export interface RateLimiter {
  /** Takes one request from the principal's bucket, if there is one left in it. */
  take(principal: string): Taken;
}

/** `tokens` were in the bucket at `atMs`. */
interface Bucket {
  tokens: number;
  atMs: number;
}

const BUCKETS = 50_000;
const UNLIMITED: Taken = { isAllowed: true, headers: {}, retryAfterSec: 0 };

/**
 * A bucket a principal: it holds a tenth of `perMinute` and is refilled by
 * `perMinute / 60` each second. Own code, since a window that is counted, as
 * `rate-limiter-flexible` has it, lets twice the limit through at its edge and
 * answers only through a promise, which the hot path cannot wait for.
 *
 * @param perMinute requests a minute, or `off`
 */
export function createRateLimiter(perMinute: number | 'off', clock: Clock): RateLimiter {
  if (perMinute === 'off') return { take: () => UNLIMITED };
  const burst = Math.max(1, Math.round(perMinute / 10));
  const perMs = perMinute / 60_000;
  const limit = String(perMinute);
  // The least recently used is forgotten: a full bucket is what it starts with.
  const buckets = new LRUCache<string, Bucket>({ max: BUCKETS });

  function take(principal: string): Taken {
    const nowMs = clock();
    const bucket = buckets.get(principal) ?? { tokens: burst, atMs: nowMs };
    // A clock that goes back refills nothing, and takes nothing.
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.atMs) * perMs);
    bucket.atMs = nowMs;
    const isAllowed = bucket.tokens >= 1;
    if (isAllowed) bucket.tokens -= 1;
    buckets.set(principal, bucket);
    const fullAtMs = nowMs + (burst - bucket.tokens) / perMs;
    return {
      isAllowed,
      headers: {
        'X-RateLimit-Limit': limit,
        'X-RateLimit-Remaining': String(Math.floor(bucket.tokens)),
        'X-RateLimit-Reset': String(Math.ceil(fullAtMs / 1000)),
      },
      retryAfterSec: isAllowed ? 0 : Math.ceil((1 - bucket.tokens) / perMs / 1000),
    };
  }

  return { take };
}

/** @param scope what the bucket is of: a `key`, a `client`, or an `address` */
export function rateLimited({ retryAfterSec }: Taken, scope: string): WaymarkError {
  const message = `too many requests: try again in ${retryAfterSec} s`;
  return new WaymarkError('RATE_LIMITED', message, { details: { scope, retryAfterSec } });
}
