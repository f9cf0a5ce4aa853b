import { expect, it } from 'vitest';
import { contract } from '../support/backends.ts';
import { makeApiKey, makeBody, makeClient, makeEntry, makeOrg } from '../support/records.ts';

await contract('OrgStore', (stores) => {
  it('find gives back what insert stored, and undefined for an unknown slug', async () => {
    const { orgs } = stores();
    const acme = makeOrg('acme', { mode: 'mirror', state: 'creating' });

    expect(await orgs.insert(acme, makeEntry())).toBe(true);

    expect(await orgs.find('acme')).toEqual(acme);
    expect(await orgs.find('globex')).toBeUndefined();
  });

  it('insert answers false and writes nothing when the slug is taken', async () => {
    const { orgs, audit } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());

    const isInserted = await orgs.insert(makeOrg('acme', { name: 'Impostor' }), makeEntry());

    expect(isInserted).toBe(false);
    expect((await orgs.find('acme'))?.name).toBe('The acme company');
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('list sorts slugs by their bytes, not by a language', async () => {
    const { orgs } = stores();
    for (const slug of ['ab', 'a-c', 'a1', 'b', 'a']) await orgs.insert(makeOrg(slug), makeEntry());

    const slugs = (await orgs.list()).map(({ slug }) => slug);

    expect(slugs).toEqual(['a', 'a-c', 'a1', 'ab', 'b']);
  });

  it('page filters and sorts', async () => {
    const { orgs } = stores();
    for (const slug of ['a', 'b', 'c', 'd']) {
      const tier = slug === 'b' ? 'premium' : 'standard';
      await orgs.insert(makeOrg(slug, { tier }), makeEntry());
    }

    const found = await orgs.page({
      filter: { field: 'tier', operator: 'eq', value: 'standard' },
      sort: [{ field: 'slug', isDescending: true }],
      page: 1,
      pageSize: 2,
    });

    expect(found.totalItems).toBe(3);
    expect(found.items).toEqual([makeOrg('d'), makeOrg('c')]);
  });

  it('replace saves name and tier of the version that was read, with its audit entry', async () => {
    const { orgs, audit } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());
    const changed = makeOrg('acme', { name: 'Acme Ltd', tier: 'premium', version: 2 });

    expect(await orgs.replace(changed, 1, makeEntry())).toBe(true);

    expect(await orgs.find('acme')).toEqual(changed);
    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });

  it('replace answers false and writes nothing when another was first, or there is none', async () => {
    const { orgs, audit } = stores();
    await orgs.insert(makeOrg('acme', { version: 2 }), makeEntry());

    const late = makeOrg('acme', { name: 'Late', version: 2 });
    expect(await orgs.replace(late, 1, makeEntry())).toBe(false);
    expect(await orgs.replace(makeOrg('globex'), 1, makeEntry())).toBe(false);

    expect((await orgs.find('acme'))?.name).toBe('The acme company');
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('setState changes the state alone, with its audit entry', async () => {
    const { orgs, audit } = stores();
    await orgs.insert(makeOrg('acme', { state: 'creating' }), makeEntry());

    expect(await orgs.setState('acme', 'active', makeEntry({ action: 'org.activate' }))).toBe(true);

    expect(await orgs.find('acme')).toEqual(makeOrg('acme', { state: 'active' }));
    expect((await audit.list('acme', 1, 10)).map(({ action }) => action)).toEqual(['org.activate']);
  });

  it('setState answers false and writes nothing for an unknown org', async () => {
    const { orgs, audit } = stores();

    expect(await orgs.setState('acme', 'deleting', makeEntry())).toBe(false);

    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('remove takes the org and what belongs to it, and leaves others and the audit log', async () => {
    const { orgs, clients, apiKeys, sealed, audit } = stores();
    for (const slug of ['acme', 'globex']) {
      await orgs.insert(makeOrg(slug), makeEntry({ tenant: slug }));
      await apiKeys.insert(makeApiKey(`key-${slug}`, { org: slug }), makeEntry({ tenant: slug }));
      await clients.insert(makeClient(`c-${slug}`, { org: slug }), makeEntry({ tenant: slug }));
      await sealed.insertBody(makeBody(slug, { org: slug }));
      await sealed.insertPacket(`digest-of-${slug}`, 'SUBKEY', Buffer.from('packet'));
    }
    await apiKeys.insert(makeApiKey('key-site', { org: null }), makeEntry({ tenant: '*' }));

    await orgs.remove('acme', makeEntry({ action: 'org.delete' }));

    expect(await orgs.find('acme')).toBeUndefined();
    expect(await clients.find('acme', 'c-acme')).toBeUndefined();
    expect(await apiKeys.find('key-acme')).toBeUndefined();
    expect(await sealed.findPacket('digest-of-acme', 'SUBKEY')).toBeUndefined();
    expect((await audit.list('acme', 0, 10)).at(-1)?.action).toBe('org.delete');
    expect(await orgs.list()).toHaveLength(1);
    expect(await clients.find('globex', 'c-globex')).toBeDefined();
    expect(await apiKeys.find('key-globex')).toBeDefined();
    expect(await apiKeys.find('key-site')).toBeDefined();
    expect(await sealed.findPacket('digest-of-globex', 'SUBKEY')).toBeDefined();
  });

  it('remove, done a second time after a crash, adds no audit entry', async () => {
    const { orgs, audit } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());

    await orgs.remove('acme', makeEntry());
    await orgs.remove('acme', makeEntry());

    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });
});
