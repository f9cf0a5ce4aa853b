import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { ApiKey } from '../../src/identity/api-key.ts';
import type { Page } from '../../src/model/listing.ts';
import { contract } from '../support/backends.ts';
import { makeApiKey, makeEntry, makeOrg, makeUser } from '../support/records.ts';

const later = '2026-03-02T08:00:00.000Z';
const newest = { sort: [{ field: 'createdAt', isDescending: true }], page: 1, pageSize: 10 };

const idsOf = async (page: Promise<Page<ApiKey>>) => (await page).items.map(({ id }) => id);

async function withOrg(stores: Stores): Promise<Stores> {
  await stores.orgs.insert(makeOrg('acme'), makeEntry({ tenant: '*' }));
  return stores;
}

await contract('ApiKeyStore', (stores) => {
  it('find gives back what insert stored, lists and nulls included', async () => {
    const { apiKeys } = await withOrg(stores());
    const key = makeApiKey('00000000000000aa', { expiresAt: later, scopes: ['registry:read'] });
    const bare = makeApiKey('00000000000000bb', { user: null, teams: [], roles: [] });

    await apiKeys.insert(key, makeEntry());
    await apiKeys.insert(bare, makeEntry());

    expect(await apiKeys.find(key.id)).toEqual(key);
    expect(await apiKeys.find(bare.id)).toEqual(bare);
    expect(await apiKeys.find('00000000000000cc')).toBeUndefined();
  });

  it('list gives one org its keys, in order, revoked ones included', async () => {
    const { apiKeys } = await withOrg(stores());
    await apiKeys.insert(makeApiKey('old', { createdAt: '2026-01-01T00:00:00.000Z' }), makeEntry());
    await apiKeys.insert(makeApiKey('site', { org: null }), makeEntry({ tenant: '*' }));
    await apiKeys.insert(makeApiKey('new', { revokedAt: later }), makeEntry());

    expect(await idsOf(apiKeys.list('acme', newest))).toEqual(['new', 'old']);
    expect(await idsOf(apiKeys.list(null, newest))).toEqual(['site']);
    expect(await idsOf(apiKeys.list('globex', newest))).toEqual([]);
    expect((await apiKeys.listOfSite()).map(({ id }) => id)).toEqual(['site']);
  });

  it('list gives one person their own', async () => {
    const { apiKeys, users } = await withOrg(stores());
    await users.insert(makeUser('ada'), makeEntry({ tenant: '*' }));
    await apiKeys.insert(makeApiKey('own', { userId: 'id-of-ada' }), makeEntry());
    await apiKeys.insert(makeApiKey('a-program'), makeEntry());

    expect(await idsOf(apiKeys.list('acme', newest, 'id-of-ada'))).toEqual(['own']);
  });

  it('insert refuses a key of an org that was removed meanwhile', async () => {
    const { apiKeys, audit } = stores();

    const insertion = apiKeys.insert(makeApiKey('late'), makeEntry());

    await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('revoke sets the time once', async () => {
    const { apiKeys, audit } = await withOrg(stores());
    await apiKeys.insert(makeApiKey('k'), makeEntry());

    expect(await apiKeys.revoke('acme', 'k', later, makeEntry())).toBe(true);
    expect(await apiKeys.revoke('acme', 'k', '2027-01-01T00:00:00.000Z', makeEntry())).toBe(false);

    expect((await apiKeys.find('k'))?.revokedAt).toBe(later);
    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });

  it("revoke finds no other org's key", async () => {
    const { apiKeys } = await withOrg(stores());
    await apiKeys.insert(makeApiKey('k'), makeEntry());
    await apiKeys.insert(makeApiKey('site', { org: null }), makeEntry({ tenant: '*' }));

    expect(await apiKeys.revoke('globex', 'k', later, makeEntry())).toBe(false);
    expect(await apiKeys.revoke(null, 'k', later, makeEntry())).toBe(false);
    expect(await apiKeys.revoke('acme', 'site', later, makeEntry())).toBe(false);
    expect(await apiKeys.revoke(null, 'site', later, makeEntry({ tenant: '*' }))).toBe(true);

    expect((await apiKeys.find('k'))?.revokedAt).toBeNull();
  });

  it('touch stores when the key was last used, without an audit entry', async () => {
    const { apiKeys, audit } = await withOrg(stores());
    await apiKeys.insert(makeApiKey('k'), makeEntry());

    await apiKeys.touch('k', later);

    expect((await apiKeys.find('k'))?.lastUsedAt).toBe(later);
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });
});
