import { describe, expect, it } from 'vitest';
import { retryWhileBusy } from '../../src/database/busy.ts';

const busy = new Error('busy');
const isBusy = (error: unknown): boolean => error === busy;

/** Fails as busy the first `times`, then answers how often it was called. */
function busyFor(times: number): () => number {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls <= times) throw busy;
    return calls;
  };
}

describe('retryWhileBusy', () => {
  it('answers at once when nobody holds the lock', async () => {
    expect(await retryWhileBusy(busyFor(0), isBusy, 0)).toBe(1);
  });

  it('tries until the lock is let go', async () => {
    expect(await retryWhileBusy(busyFor(4), isBusy, Number.POSITIVE_INFINITY)).toBe(5);
  });

  it('makes one attempt even past its deadline, then answers RES_UNAVAILABLE', async () => {
    const attempt = retryWhileBusy(busyFor(1), isBusy, performance.now() - 1);

    await expect(attempt).rejects.toMatchObject({ code: 'RES_UNAVAILABLE', cause: busy });
  });

  it('passes every other error on, untried', async () => {
    let calls = 0;
    const attempt = retryWhileBusy(
      () => {
        calls += 1;
        throw new TypeError('no such table');
      },
      isBusy,
      Number.POSITIVE_INFINITY,
    );

    await expect(attempt).rejects.toThrow(TypeError);
    expect(calls).toBe(1);
  });
});
