import { beforeEach, describe, expect, it } from 'vitest';
import { createRateLimiter, type RateLimiter } from '../../src/http/rate-limit.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';

const START = Date.parse('2026-03-01T12:00:00Z');

let nowMs: number;
const clock = () => nowMs;

beforeEach(() => {
  nowMs = START;
});

function take(limiter: RateLimiter, count: number, principal = 'key:a'): boolean[] {
  return Array.from({ length: count }, () => limiter.take(principal).isAllowed);
}

describe('createRateLimiter', () => {
  it('lets a tenth of a minute’s requests through at once', () => {
    const limiter = createRateLimiter(1000, clock);

    expect(take(limiter, 100)).not.toContain(false);
    expect(take(limiter, 1)).toEqual([false]);
  });

  it('refills evenly', () => {
    const limiter = createRateLimiter(600, clock);
    take(limiter, 60);

    nowMs += 250;

    expect(take(limiter, 3)).toEqual([true, true, false]);
  });

  it('lets no more through in a minute than it is set to, beside the burst', () => {
    const limiter = createRateLimiter(600, clock);

    let allowed = 0;
    for (let i = 0; i < 60_000; i += 20) {
      if (limiter.take('key:a').isAllowed) allowed += 1;
      nowMs += 20;
    }

    expect(allowed).toBeLessThanOrEqual(660);
    expect(allowed).toBeGreaterThanOrEqual(655);
  });

  it('never holds more than the burst, however long nobody asks', () => {
    const limiter = createRateLimiter(600, clock);
    take(limiter, 60);

    nowMs += 86_400_000;

    expect(take(limiter, 61).lastIndexOf(true)).toBe(59);
  });

  it('counts each principal by itself', () => {
    const limiter = createRateLimiter(10, clock);
    take(limiter, 1, 'key:a');

    expect(take(limiter, 1, 'key:b')).toEqual([true]);
  });

  it('takes nothing back when the clock is set back', () => {
    const limiter = createRateLimiter(600, clock);
    take(limiter, 30);

    nowMs -= 3_600_000;

    expect(take(limiter, 31).lastIndexOf(true)).toBe(29);
  });

  it('says what is left, and when all is there again', () => {
    const limiter = createRateLimiter(600, clock);

    expect(limiter.take('key:a').headers).toEqual({
      'X-RateLimit-Limit': '600',
      'X-RateLimit-Remaining': '59',
      'X-RateLimit-Reset': String(START / 1000 + 1),
    });
  });

  it('says how long to wait', () => {
    const limiter = createRateLimiter(10, clock);
    take(limiter, 1);

    expect(limiter.take('key:a').retryAfterSec).toBe(6);
  });

  it('limits nothing when it is off', () => {
    const limiter = createRateLimiter('off', clock);

    expect(take(limiter, 10_000)).not.toContain(false);
    expect(limiter.take('key:a').headers).toEqual({});
  });
});

describe('a request', () => {
  let app: TestApp;

  const serve = async () => {
    app = await serveApp({ rows: () => [], rateLimit: 20, clock });
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

  it('is of the address that it comes from, whatever it says of itself', async () => {
    await serve();
    const from = (address: string) => app.ask('/', { headers: { 'x-forwarded-for': address } });
    await from('10.0.0.1');
    await from('10.0.0.2');

    const answer = await from('10.0.0.3');
    await app.close();

    expect(answer.status).toBe(429);
  });

  it('for its health is never refused', async () => {
    await serve();
    for (let i = 0; i < 5; i++) await app.ask('/');

    const answer = await app.ask('/healthz');
    await app.close();

    expect(answer.status).toBe(200);
  });
});
