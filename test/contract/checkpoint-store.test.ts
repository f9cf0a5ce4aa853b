import { beforeEach, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/signing/checkpoint.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const makeCheckpoint = (sequence: number, part: Partial<Checkpoint> = {}): Checkpoint => ({
  tenant: 'acme',
  sequence,
  hash: 'ab'.repeat(32),
  at: '2026-03-01T12:00:00.000Z',
  keyId: 'CD'.repeat(20),
  signature: 'c2lnbmVk',
  ...part,
});

await contract('CheckpointStore', (stores) => {
  beforeEach(async () => {
    await stores().orgs.insert(makeOrg('acme'), makeEntry());
    await stores().orgs.insert(makeOrg('globex'), makeEntry({ tenant: 'globex' }));
  });

  it('latest gives the one of the highest sequence', async () => {
    for (const sequence of [2, 11, 7]) await stores().checkpoints.insert(makeCheckpoint(sequence));
    await stores().checkpoints.insert(makeCheckpoint(99, { tenant: 'globex' }));

    expect(await stores().checkpoints.latest('acme')).toEqual(makeCheckpoint(11));
  });

  it('latest gives undefined before the first', async () => {
    expect(await stores().checkpoints.latest('acme')).toBeUndefined();
  });

  it('list pages through one tenant', async () => {
    for (const sequence of [2, 11, 7]) await stores().checkpoints.insert(makeCheckpoint(sequence));
    await stores().checkpoints.insert(makeCheckpoint(99, { tenant: 'globex' }));

    const sort = [{ field: 'sequence', isDescending: true }];
    const page = await stores().checkpoints.list('acme', { sort, page: 1, pageSize: 2 });

    expect(page).toEqual({ items: [makeCheckpoint(11), makeCheckpoint(7)], totalItems: 3 });
  });

  it('insert stores one a sequence, and its entry with it', async () => {
    const { audit, checkpoints } = stores();
    const entry = makeEntry({ action: 'audit.checkpoint' });

    expect(await checkpoints.insert(makeCheckpoint(2), entry)).toBe(true);
    expect(await checkpoints.insert(makeCheckpoint(2, { signature: 'other' }), entry)).toBe(false);

    expect(await checkpoints.latest('acme')).toEqual(makeCheckpoint(2));
    expect(await audit.list('acme', 1, 10)).toMatchObject([entry]);
  });

  it('insert refuses what belongs to no org', async () => {
    const inserting = stores().checkpoints.insert(makeCheckpoint(2, { tenant: 'nobody' }));

    await expect(inserting).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('goes with its org, whose keys are gone too', async () => {
    await stores().checkpoints.insert(makeCheckpoint(2));

    await stores().orgs.remove('acme', makeEntry());

    expect(await stores().checkpoints.latest('acme')).toBeUndefined();
  });
});
