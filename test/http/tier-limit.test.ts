import { beforeEach, describe, expect, it } from 'vitest';
import { createTierLimiter, type TierLimiter } from '../../src/http/tier-limit.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

let nowMs: number;
let limiter: TierLimiter;

beforeEach(() => {
  nowMs = NOW;
  limiter = createTierLimiter(() => nowMs);
});

describe('createTierLimiter', () => {
  it.each([
    ['read', 200, 60],
    ['write', 50, 60],
    ['api', 100, 60],
    ['auth', 5, 900],
    ['strict', 10, 3600],
    ['webhook', 500, 3600],
  ] as const)('lets %s through %i times in %i s', (tier, limit, windowSec) => {
    const taken = Array.from({ length: limit }, () => limiter.take('ada', tier));
    const refused = limiter.take('ada', tier);
    nowMs += windowSec * 1000 - 1;
    const still = limiter.take('ada', tier);
    nowMs += 1;
    const again = limiter.take('ada', tier);

    expect(taken.every(({ isAllowed }) => isAllowed)).toBe(true);
    expect(refused).toEqual({
      isAllowed: false,
      headers: {
        'X-RateLimit-Limit': String(limit),
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': String(NOW / 1000 + windowSec),
      },
      retryAfterSec: windowSec,
    });
    expect([still.isAllowed, still.retryAfterSec]).toEqual([false, 1]);
    expect(again.isAllowed).toBe(true);
  });

  it('says what is left', () => {
    limiter.take('ada', 'auth');

    expect(limiter.take('ada', 'auth').headers['X-RateLimit-Remaining']).toBe('3');
  });

  it('counts each caller and each tier apart', () => {
    for (let i = 0; i < 5; i += 1) limiter.take('ada', 'auth');

    expect(limiter.take('ada', 'auth').isAllowed).toBe(false);
    expect(limiter.take('bob', 'auth').isAllowed).toBe(true);
    expect(limiter.take('ada', 'strict').isAllowed).toBe(true);
  });

  it('begins anew when the clock has gone back', () => {
    for (let i = 0; i < 5; i += 1) limiter.take('ada', 'auth');
    nowMs -= 3_600_000;

    expect(limiter.take('ada', 'auth').isAllowed).toBe(true);
  });
});
