import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../src/model/errors.ts';
import { Breaker } from '../../src/plugin-host/breaker.ts';

const MINUTE_MS = 60_000;

function openBreaker() {
  const time = { now: 0 };
  const breaker = new Breaker(() => time.now);
  const fail = (times: number) => {
    for (let i = 0; i < times; i += 1) breaker.enter().settle('fault');
  };
  return { time, breaker, fail };
}

const refusal = (retryAfterSec: number) =>
  new WaymarkError(
    'PLG_BREAKER_OPEN',
    `the plugin failed repeatedly and rests: retry in ${retryAfterSec} s`,
    { details: { retryAfterSec } },
  );

describe('Breaker', () => {
  it('opens at the third fault within five minutes, for one minute', () => {
    const { time, breaker, fail } = openBreaker();

    fail(2);
    expect(breaker.state).toBe('closed');
    fail(1);

    expect(breaker.state).toBe('open');
    expect(() => breaker.enter()).toThrow(refusal(60));
    time.now += MINUTE_MS;
    expect(breaker.state).toBe('half-open');
  });

  it('forgets faults that are older than five minutes', () => {
    const { time, breaker, fail } = openBreaker();

    fail(2);
    time.now += 5 * MINUTE_MS;
    fail(2);

    expect(breaker.state).toBe('closed');
  });

  it('counts neither answers nor calls that never reached the plugin', () => {
    const { breaker, fail } = openBreaker();

    fail(2);
    breaker.enter().settle('answered');
    breaker.enter().settle('unsent');
    expect(breaker.state).toBe('closed');
    fail(1);

    expect(breaker.state).toBe('open');
  });

  it('counts the end of the guest, whichever call it was', () => {
    const { breaker } = openBreaker();

    for (let i = 0; i < 3; i += 1) breaker.noteFault();

    expect(breaker.state).toBe('open');
  });

  it('lets one probe through, which closes it', () => {
    const { time, breaker, fail } = openBreaker();
    fail(3);
    time.now += MINUTE_MS;

    const probe = breaker.enter();
    expect(() => breaker.enter()).toThrow(refusal(1));
    probe.settle('answered');

    expect(breaker.state).toBe('closed');
    fail(2);
    expect(breaker.state).toBe('closed');
  });

  it('takes another probe where the first never reached the plugin', () => {
    const { time, breaker, fail } = openBreaker();
    fail(3);
    time.now += MINUTE_MS;

    breaker.enter().settle('unsent');

    expect(breaker.state).toBe('half-open');
    breaker.enter().settle('answered');
    expect(breaker.state).toBe('closed');
  });

  it('rests twice as long after each probe that failed, up to an hour', () => {
    const { time, breaker, fail } = openBreaker();
    fail(3);

    const rests: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const from = time.now;
      while (breaker.state === 'open') time.now += MINUTE_MS;
      rests.push((time.now - from) / MINUTE_MS);
      fail(1);
    }

    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it('does not take for a probe what began before it opened', () => {
    const { time, breaker, fail } = openBreaker();
    const early = breaker.enter();
    fail(3);
    time.now += MINUTE_MS;
    breaker.enter();

    early.settle('answered');

    expect(breaker.state).toBe('half-open');
    expect(() => breaker.enter()).toThrow(refusal(1));
  });

  it('is closed by a reset, and its next rest is short again', () => {
    const { time, breaker, fail } = openBreaker();
    fail(3);
    time.now += MINUTE_MS;
    fail(1);

    breaker.reset();
    expect(breaker.state).toBe('closed');
    fail(3);

    expect(() => breaker.enter()).toThrow(refusal(60));
  });
});
