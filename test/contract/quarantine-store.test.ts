import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const at = '2026-03-01T12:00:00.000Z';
const later = '2026-03-01T13:00:00.000Z';
const damaged = { org: 'acme', since: at, reason: 'missing blob' };
const entry = makeEntry({ action: 'registry.quarantine' });

/** A run, and one that it has overtaken. */
async function runs({ orgs, jobs }: Stores) {
  await orgs.insert(makeOrg('acme'), makeEntry());
  const order = { org: 'acme', kind: 'fsck', key: '', payload: null, runAt: at };
  const { id } = await jobs.schedule(order, at);
  const stale = await jobs.claim(id, at, at);
  const run = await jobs.claim(id, later, later);
  return { run: run!, stale: stale! };
}

await contract('QuarantineStore', (stores) => {
  const audited = async () =>
    (await stores().audit.list('acme', 0, 10)).map(({ action }) => action).slice(1);

  it('begin and end tell of a change once, with an audit entry', async () => {
    const { run } = await runs(stores());
    const { quarantines } = stores();

    expect(await quarantines.begin(damaged, run, entry)).toBe(true);
    expect(await quarantines.begin({ ...damaged, since: later }, run, entry)).toBe(false);
    expect(await quarantines.find('acme')).toEqual(damaged);
    const lifted = { ...entry, action: 'registry.recover' };
    expect(await quarantines.end('acme', run, lifted)).toBe(true);
    expect(await quarantines.end('acme', run, lifted)).toBe(false);

    expect(await quarantines.find('acme')).toBeUndefined();
    expect(await audited()).toEqual(['registry.quarantine', 'registry.recover']);
  });

  it('a run that was overtaken changes nothing', async () => {
    const { run, stale } = await runs(stores());
    const { quarantines } = stores();

    expect(await quarantines.begin(damaged, stale, entry)).toBe(false);
    expect(await quarantines.find('acme')).toBeUndefined();
    await quarantines.begin(damaged, run, entry);
    expect(await quarantines.end('acme', stale, entry)).toBe(false);

    expect(await quarantines.find('acme')).toEqual(damaged);
    expect(await audited()).toEqual(['registry.quarantine']);
  });

  it('goes with its org', async () => {
    const { run } = await runs(stores());
    await stores().quarantines.begin(damaged, run, entry);

    await stores().orgs.remove('acme', makeEntry());

    expect(await stores().quarantines.find('acme')).toBeUndefined();
  });
});
