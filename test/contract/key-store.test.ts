import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { KeyChange } from '../../src/delivery/key-store.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg, makeOrgKey } from '../support/records.ts';

const later = '2026-06-01T00:00:00.000Z';

const makeRoot = (version: number, org = 'acme') => ({
  org,
  version,
  body: `{"_type":"root","version":${version}}`,
  signature: 'c2lnbmF0dXJl',
});

/** A root and nothing else, but for what a test changes. */
const makeChange = (part: Partial<KeyChange> = {}): KeyChange => ({
  org: 'acme',
  add: [],
  retire: [],
  forget: [],
  at: later,
  root: makeRoot(1, part.org),
  ...part,
});

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('KeyStore', (stores) => {
  it('rotate adds keys and the root that names them, with the entry', async () => {
    const { keys, audit } = await withOrgs(stores());
    const root = makeOrgKey('BB', { role: 'root', wrappedPrivate: null });
    const release = makeOrgKey('AA');

    const isRotated = await keys.rotate(makeChange({ add: [root, release] }), makeEntry());

    expect(isRotated).toBe(true);
    expect(await keys.keys('acme')).toEqual([release, root]);
    expect(await keys.roots('acme')).toEqual([makeRoot(1)]);
    expect(await audit.list('acme', 0, 10)).toEqual([expect.objectContaining(makeEntry())]);
    expect(await keys.keys('globex')).toEqual([]);
    expect(await keys.roots('globex')).toEqual([]);
  });

  it('rotate retires the replaced keys of that org alone, and keeps them in the list', async () => {
    const { keys } = await withOrgs(stores());
    for (const org of ['acme', 'globex']) {
      await keys.rotate(makeChange({ org, add: [makeOrgKey('AA', { org })] }), makeEntry());
    }

    const replacement = makeOrgKey('BB', { createdAt: later });
    const change = { add: [replacement], retire: ['AA'], root: makeRoot(2) };
    await keys.rotate(makeChange(change), makeEntry());

    expect(await keys.keys('acme')).toEqual([makeOrgKey('AA', { retiredAt: later }), replacement]);
    expect(await keys.keys('globex')).toEqual([makeOrgKey('AA', { org: 'globex' })]);
    expect((await keys.roots('acme')).map(({ version }) => version)).toEqual([1, 2]);
  });

  it('rotate forgets private parts, of that org alone, and nothing else', async () => {
    const { keys } = await withOrgs(stores());
    const add = [makeOrgKey('AA', { role: 'root' }), makeOrgKey('BB')];
    await keys.rotate(makeChange({ add }), makeEntry());
    await keys.rotate(
      makeChange({ org: 'globex', add: [makeOrgKey('AA', { org: 'globex' })] }),
      makeEntry(),
    );

    await keys.rotate(makeChange({ forget: ['AA'], root: makeRoot(2) }), makeEntry());

    expect(await keys.keys('acme')).toEqual([{ ...add[0], wrappedPrivate: null }, add[1]]);
    expect(await keys.keys('globex')).toEqual([makeOrgKey('AA', { org: 'globex' })]);
  });

  it('rotate answers false and writes nothing when a root of that version exists', async () => {
    const { keys, audit } = await withOrgs(stores());
    await keys.rotate(makeChange({ add: [makeOrgKey('AA')] }), makeEntry());

    const root = { ...makeRoot(1), body: 'another' };
    const change = { add: [makeOrgKey('BB')], retire: ['AA'], forget: ['AA'], root };
    const isRotated = await keys.rotate(makeChange(change), makeEntry());

    expect(isRotated).toBe(false);
    expect(await keys.keys('acme')).toEqual([makeOrgKey('AA')]);
    expect(await keys.roots('acme')).toEqual([makeRoot(1)]);
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('rotate lets one of many concurrent rotations through', async () => {
    const { keys } = await withOrgs(stores());

    const rotations = Array.from({ length: 6 }, (_, i) =>
      keys.rotate(makeChange({ add: [makeOrgKey(`KEY${i}`)] }), makeEntry()),
    );

    expect((await Promise.all(rotations)).filter(Boolean)).toHaveLength(1);
    expect(await keys.keys('acme')).toHaveLength(1);
  });

  it('exportPrivate answers the wrapped key and records who has it', async () => {
    const { keys, audit } = await withOrgs(stores());
    const wrappedPrivate = 'd3JhcHBlZA==';
    await keys.rotate(makeChange({ add: [makeOrgKey('AA', { wrappedPrivate })] }), makeEntry());

    const entry = makeEntry({ action: 'keys.export-root', resource: 'AA' });
    const exported = await keys.exportPrivate('acme', 'AA', entry);

    expect(exported).toBe(wrappedPrivate);
    expect((await audit.list('acme', 1, 10))[0]).toMatchObject(entry);
  });

  it.each([
    ['a key that was forgotten', 'acme', 'BB'],
    ['a key that is nowhere', 'acme', 'CC'],
    ["another org's key", 'globex', 'AA'],
  ])('exportPrivate answers null for %s, and records nothing', async (_what, org, fingerprint) => {
    const { keys, audit } = await withOrgs(stores());
    const add = [makeOrgKey('AA'), makeOrgKey('BB', { wrappedPrivate: null })];
    await keys.rotate(makeChange({ add }), makeEntry());

    expect(await keys.exportPrivate(org, fingerprint, makeEntry({ tenant: org }))).toBeNull();
    expect(await audit.list(org, org === 'acme' ? 1 : 0, 10)).toEqual([]);
  });
});
