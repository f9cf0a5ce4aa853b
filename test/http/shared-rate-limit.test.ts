import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRateLimiter, type Principal, type RateLimiter } from '../../src/http/rate-limit.ts';
import { shareRateLimit } from '../../src/http/shared-rate-limit.ts';
import { redisServer } from '../support/backends.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';

/** Ten at once. */
const PER_MINUTE = 100;
const someone: Principal = { org: 'acme', name: 'key:a' };

// Where there is none it is said by name; the server itself is each test's own.
const isThere = (await redisServer()) !== undefined;

describe.skipIf(!isThere)('shareRateLimit', () => {
  let redis: RunningRedis;
  let connections: Redis[];
  /** Long enough ago that no token comes back meanwhile. */
  const nowMs = Date.now();

  beforeEach(async () => {
    redis = await startRedis();
    connections = [];
  });

  afterEach(async () => {
    for (const connection of connections) connection.disconnect();
    await redis.stop();
  });

  /** A server of several. */
  async function node(): Promise<{ limiter: RateLimiter; connection: Redis }> {
    const connection = new Redis(redis.url, { retryStrategy: () => 20, maxRetriesPerRequest: 0 });
    connection.on('error', () => {}); // what a lost server says again and again
    connections.push(connection);
    await expect.poll(() => connection.status).toBe('ready');
    const clock = () => nowMs;
    const perMinuteOf = () => PER_MINUTE;
    const local = createRateLimiter(perMinuteOf, clock);
    return { limiter: shareRateLimit(connection, { local, perMinuteOf, clock }), connection };
  }

  const take = (limiter: RateLimiter, count: number): boolean[] =>
    Array.from({ length: count }, () => limiter.take(someone).isAllowed);

  const counted = (connection: Redis) =>
    connection.get(`waymark:rate:${PER_MINUTE}:full acme/key:a`).then(Number);

  it('lets two servers hold a principal to one limit', async () => {
    const [one, other] = await Promise.all([node(), node()]);
    expect(take(one.limiter, 10)).not.toContain(false);
    await expect.poll(() => counted(one.connection)).toBe(10);

    let passed = 0;
    const takeAnother = () => {
      const { isAllowed } = other.limiter.take(someone);
      passed += Number(isAllowed);
      return isAllowed;
    };
    await expect.poll(takeAnother).toBe(false);

    const { headers, retryAfterSec } = other.limiter.take(someone);
    expect(passed).toBeLessThan(10);
    expect(headers).toMatchObject({ 'X-RateLimit-Limit': '100', 'X-RateLimit-Remaining': '0' });
    expect(retryAfterSec).toBeGreaterThan(0);
    expect(retryAfterSec).toBeLessThanOrEqual(6);
    expect(other.limiter.take({ ...someone, org: 'globex' }).isAllowed).toBe(true);
  });

  it('takes one that was light from the one count to the other', async () => {
    const { limiter, connection } = await node();
    take(limiter, 2);

    limiter.exchange(someone);

    await expect.poll(() => counted(connection)).toBe(1);
    expect(await connection.get('waymark:rate:1000:light acme/key:a')).toBe('1');
  });

  it('goes on in memory when Redis is killed, and together again when it is back', async () => {
    const { limiter, connection } = await node();
    take(limiter, 1);
    await expect.poll(() => counted(connection)).toBe(1);

    redis.signal('SIGKILL');
    await expect.poll(() => connection.status).not.toBe('ready');
    expect(take(limiter, 10).lastIndexOf(true)).toBe(8);

    await redis.stop();
    redis = await startRedis(redis.port);
    await expect.poll(() => connection.status).toBe('ready');
    const other = await node();
    expect(take(other.limiter, 10)).not.toContain(false);
    await expect.poll(() => counted(connection)).toBe(10);
  });

  it('does not wait for a Redis that does not answer', async () => {
    const { limiter } = await node();
    redis.signal('SIGSTOP');

    expect(take(limiter, 11).lastIndexOf(true)).toBe(9);

    redis.signal('SIGCONT');
  });
});
