import { beforeEach, describe, expect, it } from 'vitest';
import {
  addressOf,
  createRateLimiter,
  type Load,
  loadOf,
  type Principal,
  type RateLimiter,
} from '../../src/http/rate-limit.ts';
import { route } from '../../src/http/route.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';

const START = Date.parse('2026-03-01T12:00:00Z');

let nowMs: number;
const clock = () => nowMs;

beforeEach(() => {
  nowMs = START;
});

const someone: Principal = { org: 'acme', name: 'key:a' };

function take(limiter: RateLimiter, count: number, who = someone, load?: Load): boolean[] {
  return Array.from({ length: count }, () => limiter.take(who, load).isAllowed);
}

const limited = (perMinute: number | 'off') => createRateLimiter(() => perMinute, clock);

describe('createRateLimiter', () => {
  it('lets a tenth of a minute’s requests through at once', () => {
    const limiter = limited(1000);

    expect(take(limiter, 100)).not.toContain(false);
    expect(take(limiter, 1)).toEqual([false]);
  });

  it('refills evenly', () => {
    const limiter = limited(600);
    take(limiter, 60);

    nowMs += 250;

    expect(take(limiter, 3)).toEqual([true, true, false]);
  });

  it('lets no more through in a minute than it is set to, beside the burst', () => {
    const limiter = limited(600);

    let allowed = 0;
    for (let i = 0; i < 60_000; i += 20) {
      if (limiter.take(someone).isAllowed) allowed += 1;
      nowMs += 20;
    }

    expect(allowed).toBeLessThanOrEqual(660);
    expect(allowed).toBeGreaterThanOrEqual(655);
  });

  it('never holds more than the burst, however long nobody asks', () => {
    const limiter = limited(600);
    take(limiter, 60);

    nowMs += 86_400_000;

    expect(take(limiter, 61).lastIndexOf(true)).toBe(59);
  });

  it('counts each principal by itself', () => {
    const limiter = limited(10);
    take(limiter, 1);

    expect(take(limiter, 1, { org: 'acme', name: 'key:b' })).toEqual([true]);
    expect(take(limiter, 1, { org: 'globex', name: 'key:a' })).toEqual([true]);
    expect(take(limiter, 1)).toEqual([false]);
  });

  it('takes nothing back when the clock is set back', () => {
    const limiter = limited(600);
    take(limiter, 30);

    nowMs -= 3_600_000;

    expect(take(limiter, 31).lastIndexOf(true)).toBe(29);
  });

  it('says what is left, and when all is there again', () => {
    const limiter = limited(600);

    expect(limiter.take(someone).headers).toEqual({
      'X-RateLimit-Limit': '600',
      'X-RateLimit-Remaining': '59',
      'X-RateLimit-Reset': String(START / 1000 + 1),
    });
  });

  it('says how long to wait', () => {
    const limiter = limited(10);
    take(limiter, 1);

    expect(limiter.take(someone).retryAfterSec).toBe(6);
  });

  it('lets each organisation have its own limit, which may change', () => {
    const limits: Record<string, number> = { acme: 10, globex: 50 };
    const limiter = createRateLimiter((org) => limits[org ?? ''] ?? 'off', clock);
    const other = { ...someone, org: 'globex' };

    expect(take(limiter, 2)).toEqual([true, false]);
    expect(take(limiter, 6, other).lastIndexOf(true)).toBe(4);
    limits['acme'] = 600;
    nowMs += 100;

    expect(take(limiter, 2)).toEqual([true, false]);
  });

  it('counts light requests in a bucket ten times as large', () => {
    const limiter = limited(10);
    take(limiter, 2);

    expect(take(limiter, 11, someone, 'light').lastIndexOf(true)).toBe(9);
    expect(limiter.take(someone, 'light').headers).toMatchObject({ 'X-RateLimit-Limit': '100' });
  });

  it('gives one back that turned out to be light, while there is room', () => {
    const limiter = limited(10);

    for (let i = 0; i < 10; i += 1) {
      expect(take(limiter, 1)).toEqual([true]);
      limiter.exchange(someone);
    }
    expect(take(limiter, 1)).toEqual([true]);
    limiter.exchange(someone);

    expect(take(limiter, 1)).toEqual([false]);
  });

  it('limits nothing when it is off', () => {
    const limiter = limited('off');

    expect(take(limiter, 10_000)).not.toContain(false);
    expect(limiter.take(someone).headers).toEqual({});
  });
});

describe('loadOf', () => {
  it.each([
    ['POST', '/v1/orgs/acme/delivery/clients/c-1/state', 'light'],
    ['GET', '/v1/orgs/acme/delivery/clients/c-1/state', 'full'],
    ['POST', '/v1/orgs/acme/delivery/clients/c-1/check-updates', 'full'],
    ['POST', '/api/v1/orgs?next=/v1/orgs/acme/delivery/clients/c-1/state', 'full'],
  ])('%s %s is %s', (method, url, load) => {
    expect(loadOf(method, url)).toBe(load);
  });
});

const unchanged = route({
  method: 'get',
  path: '/unchanged',
  permission: 'delivery:read',
  handle: async () => ({ status: 304 }),
});

describe('a request', () => {
  let app: TestApp;

  const serve = async () => {
    app = await serveApp({ rows: () => [unchanged], rateLimit: 20, clock });
  };

  it('beyond the limit is 429, and says of what and how long', async () => {
    await serve();
    const token = await app.keyOf('viewer');
    await app.ask('/', { token });
    await app.ask('/', { token });

    const answer = await app.ask<Refused>('/', { token });
    await app.close();

    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('3');
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(answer.body.error).toEqual({
      code: 'RATE_LIMITED',
      message: 'too many requests: try again in 3 s',
      details: { scope: 'key', retryAfterSec: 3 },
    });
  });

  it('with a wrong credential is counted with those that have none', async () => {
    await serve();
    const asked = { token: 'x'.repeat(40) };
    expect((await app.ask('/', asked)).status).toBe(401);
    expect((await app.ask('/')).status).toBe(404);

    const answer = await app.ask<Refused>('/', asked);
    const other = await app.ask('/', { token: await app.keyOf('viewer') });
    await app.close();

    expect(answer.status).toBe(429);
    expect(answer.body.error.details).toMatchObject({ scope: 'address' });
    expect(other.status).toBe(404);
  });

  it('that finds nothing changed is counted as light', async () => {
    await serve();
    const token = await app.keyOf('viewer');
    const headers = { 'if-none-match': '"1"' };

    for (let i = 0; i < 5; i += 1) {
      expect((await app.ask('/unchanged', { token, headers })).status).toBe(304);
    }
    const answer = await app.ask('/', { token, headers });
    await app.close();

    expect(answer.headers.get('x-ratelimit-remaining')).toBe('1');
  });

  it.each([
    ['404', '/nowhere', undefined],
    ['401', '/unchanged', undefined],
    ['401', '/', 'wmk_wrong'],
    ['304', '/unchanged', 'viewer'],
  ])('is told what is left with a %s', async (status, path, who) => {
    await serve();
    const token = who === 'viewer' ? await app.keyOf('viewer') : who;

    const answer = await app.ask(path, token === undefined ? {} : { token });
    await app.close();

    expect(answer.status).toBe(Number(status));
    expect(answer.headers.get('x-ratelimit-limit')).toBe('20');
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('1');
  });

  it('is of the address that it comes from, whatever it says of itself', async () => {
    await serve();
    const from = (address: string) => app.ask('/', { headers: { 'x-forwarded-for': address } });
    await from('10.0.0.1');
    await from('10.0.0.2');

    const answer = await from('10.0.0.3');
    await app.close();

    expect(answer.status).toBe(429);
  });

  it('shares a bucket with its IPv6 network, which one caller has all of', () => {
    expect(addressOf('2001:db8:1:2::7')).toEqual(addressOf('2001:db8:1:2:ffff::1'));
    expect(addressOf('2001:db8:1:2::7')).not.toEqual(addressOf('2001:db8:1:3::7'));
  });

  it('for its health is never refused', async () => {
    await serve();
    for (let i = 0; i < 5; i++) await app.ask('/');

    const answer = await app.ask('/healthz');
    await app.close();

    expect(answer.status).toBe(200);
  });
});
