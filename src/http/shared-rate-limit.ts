import { LRUCache } from 'lru-cache';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../model/clock.ts';
import {
  burstOf,
  keyOf,
  type Load,
  loadLimit,
  type PerMinuteOf,
  type Principal,
  type RateLimiter,
  type Taken,
} from './rate-limit.ts';

interface Shared {
  /** Of this node alone: it answers each request, and goes on when Redis does not. */
  local: RateLimiter;
  perMinuteOf: PerMinuteOf;
  clock: Clock;
}

/** A window in which a burst may pass is as long as the burst takes to be refilled. */
const WINDOW_SEC = 6;
/** When Redis answers nobody, no more than these wait for it. */
const MOST_PENDING = 1000;
const BLOCKS = 50_000;

/**
 * One limit for several nodes. A node's own bucket answers at once; Redis counts
 * behind the answer, and what it says holds from the next request on. So nobody
 * waits for Redis, and a principal gets through as much more than its limit as it
 * has requests under way.
 *
 * @param connection ioredis
 */
export function shareRateLimit(
  connection: object,
  { local, perMinuteOf, clock }: Shared,
): RateLimiter {
  const counters = new Map<number, RateLimiterRedis>();
  /** Until when Redis keeps a principal out, in milliseconds since the epoch. */
  const blocks = new LRUCache<string, number>({ max: BLOCKS });
  let pending = 0;

  function counterOf(perMinute: number): RateLimiterRedis {
    const known = counters.get(perMinute);
    if (known) return known;
    const counter = new RateLimiterRedis({
      storeClient: connection,
      keyPrefix: `waymark:rate:${perMinute}`,
      points: burstOf(perMinute),
      duration: WINDOW_SEC,
      rejectIfRedisNotReady: true,
    });
    counters.set(perMinute, counter);
    return counter;
  }

  async function count(key: string, perMinute: number, points: number): Promise<void> {
    if (pending >= MOST_PENDING) return;
    pending += 1;
    try {
      await counterOf(perMinute).consume(key, points);
    } catch (refusal) {
      // Anything else is Redis's fault: the node's own bucket goes on alone.
      if (refusal instanceof RateLimiterRes) blocks.set(key, clock() + refusal.msBeforeNext);
    } finally {
      pending -= 1;
    }
  }

  function take(who: Principal, load: Load = 'full'): Taken {
    const limit = perMinuteOf(who.org);
    if (limit === 'off') return local.take(who, load);
    const perMinute = loadLimit(limit, load);
    const key = keyOf(who, load);
    const untilMs = blocks.get(key) ?? 0;
    if (untilMs > clock()) return blocked(perMinute, untilMs, clock());
    const taken = local.take(who, load);
    if (taken.isAllowed) void count(key, perMinute, 1);
    return taken;
  }

  function exchange(who: Principal): void {
    const limit = perMinuteOf(who.org);
    if (limit === 'off') return;
    local.exchange(who);
    void count(keyOf(who, 'full'), limit, -1);
    void count(keyOf(who, 'light'), loadLimit(limit, 'light'), 1);
  }

  return { take, exchange };
}

const blocked = (perMinute: number, untilMs: number, nowMs: number): Taken => ({
  isAllowed: false,
  headers: {
    'X-RateLimit-Limit': String(perMinute),
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(Math.ceil(untilMs / 1000)),
  },
  retryAfterSec: Math.max(1, Math.ceil((untilMs - nowMs) / 1000)),
});
