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
