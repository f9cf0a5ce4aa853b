import { expect, it } from 'vitest';
import type { LockoutSubject } from '../../src/identity/lockout.ts';
import { contract } from '../support/backends.ts';

const START = Date.parse('2026-03-01T12:00:00Z');
const at = (sec: number) => new Date(START + sec * 1000).toISOString();

const rule = { windowSec: 3600, freeTries: 2, firstLockSec: 30, longestLockSec: 60 };
const ada: LockoutSubject = { key: 'user:ada', rule };
const office: LockoutSubject = { key: 'address:192.0.2.1', rule: { ...rule, freeTries: 4 } };

await contract('LockoutStore', (stores) => {
  it('take lets the free tries be made, then locks for longer each time', async () => {
    const { lockouts } = stores();

    expect(await lockouts.take([ada], at(0))).toBeUndefined();
    expect(await lockouts.take([ada], at(1))).toBeUndefined();
    expect(await lockouts.take([ada], at(2))).toBe(at(31));
    expect(await lockouts.take([ada], at(31))).toBeUndefined();
    expect(await lockouts.take([ada], at(32))).toBe(at(91));
    expect(await lockouts.take([ada], at(91))).toBeUndefined();
    expect(await lockouts.take([ada], at(92))).toBe(at(151));
  });

  it('take counts nobody’s try where one of them is locked', async () => {
    const { lockouts } = stores();
    for (const sec of [0, 1]) await lockouts.take([ada], at(sec));

    for (const sec of [2, 3, 4, 5, 6]) {
      expect(await lockouts.take([office, ada], at(sec))).toBe(at(31));
    }

    expect(await lockouts.take([office], at(7))).toBeUndefined();
  });

  it('take begins anew once the window and the lock are over', async () => {
    const { lockouts } = stores();
    for (const sec of [0, 3590]) await lockouts.take([ada], at(sec));

    expect(await lockouts.take([ada], at(3601))).toBe(at(3620));
    expect(await lockouts.take([ada], at(3620))).toBeUndefined();
    expect(await lockouts.take([ada], at(3621))).toBeUndefined();
  });

  it('take lets no more tries through when they come at once', async () => {
    const { lockouts } = stores();

    const taken = await Promise.all(Array.from({ length: 8 }, () => lockouts.take([ada], at(0))));

    expect(taken.filter((until) => until === undefined)).toHaveLength(2);
  });

  it('settle forgets a person’s tries, and takes one back from their network', async () => {
    const { lockouts } = stores();
    const adaHere = { ...ada, key: `${ada.key}@192.0.2.1` };
    for (const sec of [0, 1, 2]) await lockouts.take([office], at(sec));
    await lockouts.take([office, ada, adaHere], at(3));

    await lockouts.settle([ada.key, adaHere.key], office.key);

    expect(await lockouts.take([office, ada, adaHere], at(4))).toBeUndefined();
    expect(await lockouts.take([office, ada, adaHere], at(5))).toBe(at(34));
  });

  it('removeStarted removes what began before', async () => {
    const { lockouts } = stores();
    await lockouts.take([ada], at(0));
    await lockouts.take([office], at(10));

    expect(await lockouts.removeStarted(at(10))).toBe(1);
    expect(await lockouts.removeStarted(at(11))).toBe(1);
  });
});
