import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg, makeOrgKey } from '../support/records.ts';

const later = '2026-06-01T00:00:00.000Z';

const makeRoot = (version: number, org = 'acme') => ({
  org,
  version,
  body: `{"_type":"root","version":${version}}`,
  signature: 'c2lnbmF0dXJl',
});

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('KeyStore', (stores) => {
  it('rotate adds keys and the root that names them', async () => {
    const { keys } = await withOrgs(stores());
    const root = makeOrgKey('BB', { role: 'root', wrappedPrivate: null });
    const release = makeOrgKey('AA');

    const change = { org: 'acme', add: [root, release], retire: [], at: later, root: makeRoot(1) };
    expect(await keys.rotate(change)).toBe(true);

    expect(await keys.keys('acme')).toEqual([release, root]);
    expect(await keys.roots('acme')).toEqual([makeRoot(1)]);
    expect(await keys.keys('globex')).toEqual([]);
    expect(await keys.roots('globex')).toEqual([]);
  });

  it('rotate retires the replaced keys of that org alone, and keeps them in the list', async () => {
    const { keys } = await withOrgs(stores());
    for (const org of ['acme', 'globex']) {
      const add = [makeOrgKey('AA', { org })];
      await keys.rotate({ org, add, retire: [], at: later, root: makeRoot(1, org) });
    }

    const replacement = makeOrgKey('BB', { createdAt: later });
    await keys.rotate({
      org: 'acme',
      add: [replacement],
      retire: ['AA'],
      at: later,
      root: makeRoot(2),
    });

    expect(await keys.keys('acme')).toEqual([makeOrgKey('AA', { retiredAt: later }), replacement]);
    expect(await keys.keys('globex')).toEqual([makeOrgKey('AA', { org: 'globex' })]);
    expect((await keys.roots('acme')).map(({ version }) => version)).toEqual([1, 2]);
  });

  it('rotate answers false and writes nothing when a root of that version exists', async () => {
    const { keys } = await withOrgs(stores());
    await keys.rotate({
      org: 'acme',
      add: [makeOrgKey('AA')],
      retire: [],
      at: later,
      root: makeRoot(1),
    });

    const isRotated = await keys.rotate({
      org: 'acme',
      add: [makeOrgKey('BB')],
      retire: ['AA'],
      at: later,
      root: { ...makeRoot(1), body: 'another' },
    });

    expect(isRotated).toBe(false);
    expect(await keys.keys('acme')).toEqual([makeOrgKey('AA')]);
    expect(await keys.roots('acme')).toEqual([makeRoot(1)]);
  });

  it('rotate lets one of many concurrent rotations through', async () => {
    const { keys } = await withOrgs(stores());

    const rotations = Array.from({ length: 6 }, (_, i) =>
      keys.rotate({
        org: 'acme',
        add: [makeOrgKey(`KEY${i}`)],
        retire: [],
        at: later,
        root: makeRoot(1),
      }),
    );

    expect((await Promise.all(rotations)).filter(Boolean)).toHaveLength(1);
    expect(await keys.keys('acme')).toHaveLength(1);
  });

  it('forgetPrivate takes the private part away and nothing else', async () => {
    const { keys } = await withOrgs(stores());
    const add = [makeOrgKey('AA', { role: 'root' }), makeOrgKey('BB')];
    await keys.rotate({ org: 'acme', add, retire: [], at: later, root: makeRoot(1) });

    await keys.forgetPrivate('acme', 'AA');

    expect(await keys.keys('acme')).toEqual([{ ...add[0], wrappedPrivate: null }, add[1]]);
  });
});
