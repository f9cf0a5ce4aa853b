import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeFeedToken, makeOrg } from '../support/records.ts';

const later = '2026-03-02T08:00:00.000Z';
const newest = { sort: [{ field: 'createdAt', isDescending: true }], page: 1, pageSize: 10 };

async function withOrg(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('FeedTokenStore', (stores) => {
  it('find gives back what insert stored', async () => {
    const { feedTokens } = await withOrg(stores());
    const token = makeFeedToken('f1');
    const bare = makeFeedToken('f2', { selector: {}, teams: [] });

    await feedTokens.insert(token, makeEntry());
    await feedTokens.insert(bare, makeEntry());

    expect(await feedTokens.find('f1')).toEqual(token);
    expect(await feedTokens.find('f2')).toEqual(bare);
    expect(await feedTokens.find('f3')).toBeUndefined();
  });

  it('insert refuses one of an org that was removed meanwhile', async () => {
    const insertion = stores().feedTokens.insert(makeFeedToken('late'), makeEntry());

    await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('list gives one org its tokens, revoked ones included', async () => {
    const { feedTokens } = await withOrg(stores());
    await feedTokens.insert(makeFeedToken('old'), makeEntry());
    await feedTokens.insert(
      makeFeedToken('new', { createdAt: later, revokedAt: later }),
      makeEntry(),
    );
    await feedTokens.insert(makeFeedToken('theirs', { org: 'globex' }), makeEntry());

    const { items, totalItems } = await feedTokens.list('acme', newest);

    expect(items.map(({ id }) => id)).toEqual(['new', 'old']);
    expect(totalItems).toBe(2);
  });

  it('revoke sets the time once, and finds no other org’s', async () => {
    const { feedTokens, audit } = await withOrg(stores());
    await feedTokens.insert(makeFeedToken('f1'), makeEntry());

    expect(await feedTokens.revoke('globex', 'f1', later, makeEntry())).toBe(false);
    expect(await feedTokens.revoke('acme', 'f1', later, makeEntry())).toBe(true);
    expect(await feedTokens.revoke('acme', 'f1', later, makeEntry())).toBe(false);

    expect((await feedTokens.find('f1'))?.revokedAt).toBe(later);
    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });

  it('touch stores when it was last used, without an audit entry', async () => {
    const { feedTokens, audit } = await withOrg(stores());
    await feedTokens.insert(makeFeedToken('f1'), makeEntry());

    await feedTokens.touch('f1', later);

    expect((await feedTokens.find('f1'))?.lastUsedAt).toBe(later);
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });
});
