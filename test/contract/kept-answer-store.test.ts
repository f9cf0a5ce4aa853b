import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { KeptAnswer } from '../../src/identity/kept-answer.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const now = '2026-03-01T12:00:00.000Z';
const later = '2026-03-01T12:01:00.000Z';
const tomorrow = '2026-03-02T12:00:00.000Z';

const makeKept = (id: string, part: Partial<KeptAnswer> = {}): KeptAnswer => ({
  id,
  org: 'acme',
  attempt: 'first',
  isRunning: true,
  sealed: 'what was asked',
  expiresAt: later,
  ...part,
});

async function withOrg(stores: Stores): Promise<Stores> {
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  return stores;
}

await contract('KeptAnswerStore', (stores) => {
  it('begin stores the first, and answers it to the second', async () => {
    const { keptAnswers } = await withOrg(stores());

    expect(await keptAnswers.begin(makeKept('a'), now)).toBeUndefined();
    const found = await keptAnswers.begin(makeKept('a', { attempt: 'second' }), now);

    expect(found).toEqual(makeKept('a'));
  });

  it('begin lets one alone of many be the first', async () => {
    const { keptAnswers } = await withOrg(stores());
    const attempts = Array.from({ length: 8 }, (_, i) => makeKept('a', { attempt: `${i}` }));

    const found = await Promise.all(attempts.map((kept) => keptAnswers.begin(kept, now)));

    expect(found.filter((kept) => kept === undefined)).toHaveLength(1);
  });

  it('begin takes over what has expired', async () => {
    const { keptAnswers } = await withOrg(stores());
    await keptAnswers.begin(makeKept('a'), now);
    const second = makeKept('a', { attempt: 'second', expiresAt: tomorrow });

    expect(await keptAnswers.begin(second, later)).toBeUndefined();

    expect(await keptAnswers.begin(makeKept('a'), later)).toEqual(second);
  });

  it('begin keeps what is the site’s', async () => {
    const { keptAnswers } = stores();
    const kept = makeKept('a', { org: null });

    await keptAnswers.begin(kept, now);

    expect(await keptAnswers.begin(kept, now)).toEqual(kept);
  });

  it('finish stores the answer of the attempt that it is', async () => {
    const { keptAnswers } = await withOrg(stores());
    await keptAnswers.begin(makeKept('a'), now);

    await keptAnswers.finish(makeKept('a', { attempt: 'stale', sealed: 'stale' }));
    await keptAnswers.finish(makeKept('a', { sealed: 'the answer', expiresAt: tomorrow }));

    expect(await keptAnswers.begin(makeKept('a'), now)).toEqual(
      makeKept('a', { isRunning: false, sealed: 'the answer', expiresAt: tomorrow }),
    );
  });

  it('forget removes the attempt that it is', async () => {
    const { keptAnswers } = await withOrg(stores());
    await keptAnswers.begin(makeKept('a'), now);

    await keptAnswers.forget('a', 'stale');
    expect(await keptAnswers.begin(makeKept('a'), now)).toBeDefined();
    await keptAnswers.forget('a', 'first');

    expect(await keptAnswers.begin(makeKept('a'), now)).toBeUndefined();
  });

  it('sweep removes what has expired', async () => {
    const { keptAnswers } = await withOrg(stores());
    await keptAnswers.begin(makeKept('a'), now);
    await keptAnswers.begin(makeKept('b', { expiresAt: tomorrow }), now);

    expect(await keptAnswers.sweep(later)).toBe(1);

    expect(await keptAnswers.begin(makeKept('b'), now)).toBeDefined();
    expect(await keptAnswers.sweep(tomorrow)).toBe(1);
  });

  it('goes with its org', async () => {
    const { keptAnswers, orgs } = await withOrg(stores());
    await keptAnswers.begin(makeKept('a'), now);

    await orgs.remove('acme', makeEntry());
    await orgs.insert(makeOrg('acme'), makeEntry());

    expect(await keptAnswers.begin(makeKept('a'), now)).toBeUndefined();
  });
});
