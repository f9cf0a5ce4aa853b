import type { Config } from '../config/config.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { createRateLimiter, type PerMinuteOf, type RateLimiter } from '../http/rate-limit.ts';
import { shareRateLimit } from '../http/shared-rate-limit.ts';
import { createTierLimiter, type TierLimiter } from '../http/tier-limit.ts';
import { TIERS } from '../identity/org.ts';
import { connectRedis } from '../queue/redis.ts';
import type { Surroundings } from './storage.ts';

/** How much each may ask: of this server, or with Redis of all of them together. */
export function openLimits(
  { rateLimit, redisUrl }: Pick<Config, 'rateLimit' | 'redisUrl'>,
  { runtimes, clock, log }: Surroundings & { runtimes: OrgRuntimes },
): { limiter: RateLimiter; tiers: TierLimiter | undefined; close: () => void } {
  const tierOf = (org: string | null) =>
    (org === null ? undefined : runtimes.find(org))?.org.tier ?? 'standard';
  const perMinuteOf: PerMinuteOf = (org) => rateLimit ?? TIERS[tierOf(org)];
  const local = createRateLimiter(perMinuteOf, clock);
  const tiers = rateLimit === 'off' ? undefined : createTierLimiter(clock);
  if (redisUrl === null) return { limiter: local, tiers, close: () => {} };
  const connection = connectRedis(redisUrl, log);
  const limiter = shareRateLimit(connection, { local, perMinuteOf, clock });
  return { limiter, tiers, close: () => connection.disconnect() };
}
