import { LRUCache } from 'lru-cache';
import type { Clock } from '../model/clock.ts';
import type { RateTier } from '../registry/server-manifest/manifest.ts';
import type { Taken } from './rate-limit.ts';

/** How often one caller may ask one plugin for routes of a tier. */
export interface TierLimiter {
  /** @param key who asks whom */
  take(key: string, tier: RateTier): Taken;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const TIERS: Readonly<Record<RateTier, { limit: number; windowMs: number }>> = {
  read: { limit: 200, windowMs: MINUTE_MS },
  write: { limit: 50, windowMs: MINUTE_MS },
  api: { limit: 100, windowMs: MINUTE_MS },
  auth: { limit: 5, windowMs: 15 * MINUTE_MS },
  strict: { limit: 10, windowMs: HOUR_MS },
  webhook: { limit: 500, windowMs: HOUR_MS },
};

const WINDOWS = 50_000;

/** Each window begins with its first request. The tenant's limit is `rate-limit.ts`'s, and counts too. */
export function createTierLimiter(clock: Clock): TierLimiter {
  const windows = new LRUCache<string, { count: number; endsAtMs: number }>({ max: WINDOWS });

  return {
    take(who, tier) {
      const { limit, windowMs } = TIERS[tier];
      const nowMs = clock();
      const key = `${tier} ${who}`;
      const known = windows.get(key);
      // One that ends later than it could: the clock has gone back.
      const isOpen = known && nowMs < known.endsAtMs && known.endsAtMs <= nowMs + windowMs;
      const window = isOpen ? known : { count: 0, endsAtMs: nowMs + windowMs };
      const isAllowed = window.count < limit;
      if (isAllowed) window.count += 1;
      windows.set(key, window);
      return {
        isAllowed,
        headers: {
          'X-RateLimit-Limit': String(limit),
          'X-RateLimit-Remaining': String(limit - window.count),
          'X-RateLimit-Reset': String(Math.ceil(window.endsAtMs / 1000)),
        },
        retryAfterSec: isAllowed ? 0 : Math.ceil((window.endsAtMs - nowMs) / 1000),
      };
    },
  };
}
