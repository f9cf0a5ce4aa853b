import { describe, expect, it } from 'vitest';
import { nextPointers, type Wanted } from '../../src/delivery/next-pointers.ts';
import type { ActivePointer } from '../../src/delivery/publication.ts';

const NOW_MS = 1_000_000_500;
const wanted: Wanted = {
  org: 'acme',
  desired: 'c1',
  active: 'c1',
  digest: 'd1',
  diagnostics: [],
  channels: new Map([['stable', 's1']]),
};
const next = (
  part: Partial<Wanted>,
  stored: readonly ActivePointer[] = [],
  { nowMs = NOW_MS, isForced = false } = {},
) =>
  nextPointers(
    { ...wanted, ...part },
    new Map(stored.map((pointer) => [pointer.channel, pointer])),
    nowMs,
    isForced,
  );

describe('nextPointers', () => {
  it('numbers all channels alike, from the time in seconds', () => {
    expect(next({})).toEqual([
      {
        org: 'acme',
        channel: 'rolling',
        desired: 'c1',
        active: 'c1',
        digest: 'd1',
        diagnostics: [],
        sequence: 1_000_000,
      },
      {
        org: 'acme',
        channel: 'stable',
        desired: 's1',
        active: 's1',
        digest: 's1',
        diagnostics: [],
        sequence: 1_000_000,
      },
    ]);
  });

  it('has none when nothing changed, unless it must', () => {
    const stored = next({});

    expect(next({}, stored)).toEqual([]);
    expect(next({}, stored, { isForced: true })).toHaveLength(2);
  });

  it.each<[string, Partial<Wanted>]>([
    ['another commit', { desired: 'c2', active: 'c2', digest: 'd2' }],
    ['a head that does not compile', { desired: 'c2' }],
    ['another resolution', { channels: new Map([['stable', 's2']]) }],
    [
      'a new channel',
      {
        channels: new Map([
          ['stable', 's1'],
          ['early', 'e1'],
        ]),
      },
    ],
    ['a new alarm', { diagnostics: [{ code: 'x' } as never] }],
  ])('moves all of them for %s', (_, part) => {
    const moved = next(part, next({}));

    expect(new Set(moved.map(({ sequence }) => sequence))).toEqual(new Set([1_000_001]));
  });

  it('never counts back, whatever the clock does', () => {
    const stored = next({});

    const [rolling] = next({ digest: 'd2' }, stored, { nowMs: 0 });

    expect(rolling?.sequence).toBe(1_000_001);
  });

  it('keeps up with the clock, so that a restored database is ahead of what it forgot', () => {
    const [rolling] = next({ digest: 'd2' }, next({}), { nowMs: NOW_MS + 60_000 });

    expect(rolling?.sequence).toBe(1_000_060);
  });
});
