import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Reminders } from '../../src/delivery/reminders.ts';

let looks: number[];
let reminders: Reminders;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  looks = [];
  reminders = new Reminders(Date.now, () => looks.push(Date.now()));
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Reminders', () => {
  it('waits twice as long after each failure, at most five minutes', () => {
    for (let i = 0; i < 12; i++) {
      reminders.retry();
      vi.runAllTimers();
    }

    const waits = looks.map((at, i) => (at - (looks[i - 1] ?? 0)) / 1000);
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  });

  it('starts over after a success, and drops the retry that waits', () => {
    reminders.retry();
    reminders.retry();

    reminders.succeeded();
    vi.runAllTimers();
    expect(looks).toEqual([]);

    reminders.retry();
    vi.runAllTimers();
    expect(looks).toEqual([1000]);
  });

  it('looks once, a second after the last moment that it was told', () => {
    for (const at of [5_000, 9_000, 7_000]) reminders.at(at);

    vi.runAllTimers();

    expect(looks).toEqual([8_000]);
  });

  it('looks soon where the moment has passed, and in steps where it is months away', () => {
    reminders.at(-10);
    vi.runAllTimers();
    reminders.at(1e12);
    vi.runAllTimers();

    expect(looks).toEqual([1000, 1000 + 2 ** 31 - 1]);
  });

  it('never looks once it is closed', () => {
    reminders.retry();
    reminders.at(10);

    reminders.close();
    reminders.retry();
    reminders.at(10);

    expect(vi.getTimerCount()).toBe(0);
  });
});
