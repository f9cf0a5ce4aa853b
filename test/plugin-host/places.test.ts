import { describe, expect, it } from 'vitest';
import { type Occupant, Places } from '../../src/plugin-host/places.ts';

/** Idle since then, or busy. */
function makeOccupant(org: string, idleSinceMs?: number) {
  const occupant = {
    org,
    isVacated: false,
    idleSinceMs: () => idleSinceMs,
    async vacate() {
      occupant.isVacated = true;
    },
  };
  return occupant satisfies Occupant;
}

const busy = { code: 'PLG_BUSY', message: 'all sandboxes are at work: retry' };

describe('take', () => {
  it('lets the one of the org that is idle longest make room', async () => {
    const places = new Places(2, 10);
    const [late, early] = [makeOccupant('acme', 20), makeOccupant('acme', 10)];
    const other = makeOccupant('beta', 1);
    for (const one of [late, early, other]) await places.take(one);

    await places.take(makeOccupant('acme', 30));

    expect([late, early, other].map((one) => one.isVacated)).toEqual([false, true, false]);
  });

  it('lets another org’s make room when the node is full', async () => {
    const places = new Places(2, 2);
    const other = makeOccupant('beta', 1);
    await places.take(other);
    await places.take(makeOccupant('acme', 5));

    await places.take(makeOccupant('acme', 5));

    expect(other.isVacated).toBe(true);
  });

  it('refuses when all of them are at work', async () => {
    const places = new Places(1, 10);
    const working = makeOccupant('acme');
    await places.take(working);
    const next = makeOccupant('acme', 1);

    await expect(places.take(next)).rejects.toMatchObject(busy);

    await places.take(working);
    places.release(working);
    await places.take(next);
    expect(working.isVacated).toBe(false);
  });

  it('gives one place to one alone of two that start at once', async () => {
    const places = new Places(1, 10);
    await places.take(makeOccupant('acme', 1));

    const both = [makeOccupant('acme'), makeOccupant('acme')].map((one) => places.take(one));

    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
    ]);
  });
});
