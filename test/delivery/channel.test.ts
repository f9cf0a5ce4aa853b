import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ChannelInputs,
  type ChannelState,
  isReached,
  type Offer,
  resolveChannel,
} from '../../src/delivery/channel.ts';
import type { ReleaseRow } from '../../src/delivery/publication.ts';
import { makeRelease } from '../support/records.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 2, 1);
const NOTHING: ChannelState = { offers: {}, withdrawn: {} };

/** `sales` at these versions, one published each day from the start, of seq 1, 2, … */
const daily = (...versions: string[]): ReleaseRow[] =>
  versions.map((version, i) =>
    makeRelease(version, {
      seq: i + 1,
      publishedAt: new Date(START_MS + i * DAY_MS).toISOString(),
    }),
  );

function resolve(
  rows: readonly ReleaseRow[],
  { yanked = [], ...more }: Partial<ChannelInputs> & { yanked?: readonly string[] } = {},
) {
  return resolveChannel({
    name: 'stable',
    spec: {},
    releases: Map.groupBy(rows, ({ plugin }) => plugin),
    isYanked: (_, version) => yanked.includes(version),
    plugins: new Set(rows.map(({ plugin }) => plugin)),
    previous: NOTHING,
    nowMs: START_MS + 1000 * DAY_MS,
    ...more,
  });
}
const offered = (...args: Parameters<typeof resolve>): Offer | undefined =>
  resolve(...args).state.offers['sales'];

describe('resolveChannel', () => {
  it('offers the highest version, not the last', () => {
    expect(offered(daily('1.2.0', '1.10.0', '1.3.0'))).toMatchObject({
      tag: 'sales--v1.10.0',
      seq: 2,
      previousTag: 'sales--v1.3.0',
      previousSeq: 3,
      rolloutPercent: 100,
    });
  });

  it('leaves out prereleases, unless it includes them', () => {
    const rows = daily('1.0.0', '2.0.0-rc.1');

    expect(offered(rows)).toMatchObject({ tag: 'sales--v1.0.0' });
    expect(offered(rows, { spec: { includePrerelease: true } })).toMatchObject({
      tag: 'sales--v2.0.0-rc.1',
    });
  });

  it("keeps to its range, and to a plugin's own", () => {
    const rows = daily('1.0.0', '1.1.0', '2.0.0', '3.0.0-rc.1');

    expect(offered(rows, { spec: { range: '^1.0.0' } })).toMatchObject({ tag: 'sales--v1.1.0' });
    const plugins = { sales: { range: '2.x' } };
    expect(offered(rows, { spec: { range: '^1.0.0', plugins } })).toMatchObject({
      tag: 'sales--v2.0.0',
    });
    expect(offered(rows, { spec: { range: '>=2.0.0', includePrerelease: true } })).toMatchObject({
      tag: 'sales--v3.0.0-rc.1',
    });
  });

  it('offers nothing of what it admits nothing of, or of a plugin that main has no more', () => {
    expect(offered(daily('1.0.0'), { spec: { range: '^9.0.0' } })).toBeUndefined();
    expect(offered(daily('1.0.0'), { plugins: new Set() })).toBeUndefined();
    expect(offered(daily('1.0.0'), { yanked: ['1.0.0'] })).toBeUndefined();
  });

  it('waits for the minimum age, and says when it has passed', () => {
    const rows = daily('1.0.0', '1.1.0');
    const spec = { minimumAgeSec: (3 * DAY_MS) / 1000 };
    const at = (days: number) => resolve(rows, { spec, nowMs: START_MS + days * DAY_MS });

    expect(at(2.9)).toEqual({
      state: { offers: {}, withdrawn: {} },
      nextChangeMs: START_MS + 3 * DAY_MS,
    });
    expect(at(3)).toMatchObject({
      state: { offers: { sales: { tag: 'sales--v1.0.0' } } },
      nextChangeMs: START_MS + 4 * DAY_MS,
    });
    expect(at(4).state.offers['sales']).toMatchObject({ tag: 'sales--v1.1.0' });
    expect(at(4)).not.toHaveProperty('nextChangeMs');
  });

  it('does not wait for a version that it would not offer', () => {
    const spec = { minimumAgeSec: 10_000_000, range: '^1.0.0' };

    expect(resolve(daily('2.0.0'), { spec, nowMs: START_MS })).not.toHaveProperty('nextChangeMs');
  });

  it('resolves a plugin of any name', () => {
    const rows = ['constructor', 'tostring'].map((plugin) =>
      makeRelease('1.0.0', { plugin, tag: `${plugin}--v1.0.0` }),
    );

    expect(Object.keys(resolve(rows, { spec: { plugins: {} } }).state.offers)).toEqual([
      'constructor',
      'tostring',
    ]);
  });
});

describe('a channel that falls back', () => {
  const rows = daily('1.0.0', '1.1.0', '1.2.0');
  const first = resolve(rows).state;
  const then = (previous: ChannelState, more: Parameters<typeof resolve>[1]) =>
    resolve(rows, { previous, ...more }).state;

  it('says that it never did while it has not', () => {
    expect(first.offers['sales']).toMatchObject({ seq: 3, peakSeq: 3 });
    expect(first.offers['sales']).not.toHaveProperty('cause');
  });

  it('names the release that was yanked', () => {
    expect(then(first, { yanked: ['1.2.0'] }).offers['sales']).toMatchObject({
      seq: 2,
      peakSeq: 3,
      cause: { kind: 'yank', id: 'sales--v1.2.0' },
    });
  });

  it('names itself when its own rule has changed', () => {
    expect(then(first, { spec: { range: '1.0.x' } }).offers['sales']).toMatchObject({
      seq: 1,
      peakSeq: 3,
      cause: { kind: 'channel', id: 'stable' },
    });
  });

  it('keeps the reason while nothing changes, and forgets it once it has caught up', () => {
    const fallen = then(first, { yanked: ['1.2.0'] });

    expect(then(fallen, { yanked: ['1.2.0'] })).toEqual(fallen);
    expect(then(fallen, {})).toEqual(first);
  });

  it('names the newer reason when it falls twice', () => {
    const fallen = then(first, { yanked: ['1.2.0'] });
    const again = then(fallen, { yanked: ['1.2.0'], spec: { range: '1.0.x' } });

    expect(again.offers['sales']).toMatchObject({ seq: 1, cause: { kind: 'channel' } });
  });

  it('still knows after it had nothing to offer', () => {
    const none = then(first, { yanked: ['1.0.0', '1.1.0', '1.2.0'] });
    expect(none.offers).toEqual({});

    const back = then(none, { yanked: ['1.1.0', '1.2.0'] });
    expect(back.withdrawn).toEqual({});
    expect(back.offers['sales']).toMatchObject({
      seq: 1,
      peakSeq: 3,
      cause: { kind: 'yank', id: 'sales--v1.2.0' },
    });
  });

  it('always gives a reason for a number below its highest', () => {
    const versions = fc.subarray(['1.0.0', '1.1.0', '1.2.0']);
    const step = fc.record({ yanked: versions, range: fc.constantFrom('*', '1.0.x', '1.1.x') });

    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        let state = NOTHING;
        let highest = 0;
        for (const { yanked, range } of steps) {
          state = then(state, { yanked, spec: { range } });
          const offer = state.offers['sales'];
          if (!offer) continue;
          highest = Math.max(highest, offer.seq);
          expect(offer.peakSeq).toBe(highest);
          expect(offer.cause !== undefined).toBe(offer.seq < highest);
        }
      }),
    );
  });
});

describe('isReached', () => {
  const at = (rolloutPercent: number, tag = 'sales--v2.0.0'): Offer => ({
    tag,
    seq: 2,
    rolloutPercent,
    peakSeq: 2,
  });
  const clients = Array.from({ length: 2000 }, (_, i) => `client-${i}`);
  const reached = (offer: Offer) => clients.filter((id) => isReached(offer, 'stable', id));

  it('reaches about the share that it says, nobody at 0, everybody at 100', () => {
    expect(reached(at(0))).toEqual([]);
    expect(reached(at(100))).toEqual(clients);
    expect(reached(at(25)).length / clients.length).toBeCloseTo(0.25, 1);
  });

  it('only adds clients as it grows', () => {
    const at10 = reached(at(10));

    expect(reached(at(30))).toEqual(expect.arrayContaining(at10));
    expect(reached(at(10))).toEqual(at10);
  });

  it('starts with other clients for another release', () => {
    expect(reached(at(10, 'sales--v3.0.0'))).not.toEqual(reached(at(10)));
  });
});
