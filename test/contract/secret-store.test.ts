import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { StoredSecret } from '../../src/secrets/secret.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const makeSecret = (name: string, part: Partial<StoredSecret> = {}): StoredSecret => ({
  org: 'acme',
  name,
  wrapped: `wrapped-${name}`,
  updatedAt: '2026-03-01T12:00:00.000Z',
  updatedBy: 'user:ada',
  ...part,
});

const page = (number = 1, pageSize = 20) => ({ page: number, pageSize, sort: [] });

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('SecretStore', (stores) => {
  it('put stores a secret with its entry, for that org alone', async () => {
    const { secrets, audit } = await withOrgs(stores());

    await secrets.put(makeSecret('github'), makeEntry());

    expect(await secrets.find('acme', 'github')).toEqual(makeSecret('github'));
    expect(await secrets.find('globex', 'github')).toBeUndefined();
    expect(await audit.list('acme', 0, 10)).toMatchObject([makeEntry()]);
  });

  it('put replaces the secret of that name', async () => {
    const { secrets } = await withOrgs(stores());
    await secrets.put(makeSecret('github'), makeEntry());
    const newer = makeSecret('github', { wrapped: 'newer', updatedBy: 'user:ben' });

    await secrets.put(newer, makeEntry());

    expect(await secrets.list('acme', page())).toEqual({ items: [newer], totalItems: 1 });
  });

  it('put refuses an org that is gone', async () => {
    const { secrets } = stores();

    const stored = secrets.put(makeSecret('github'), makeEntry());

    await expect(stored).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('list gives one page by name', async () => {
    const { secrets } = await withOrgs(stores());
    for (const name of ['c', 'a', 'b']) await secrets.put(makeSecret(name), makeEntry());
    await secrets.put(makeSecret('d', { org: 'globex' }), makeEntry());

    const { items, totalItems } = await secrets.list('acme', page(2, 2));

    expect([items.map(({ name }) => name), totalItems]).toEqual([['c'], 3]);
  });

  it('remove takes one away with its entry, once', async () => {
    const { secrets, audit } = await withOrgs(stores());
    await secrets.put(makeSecret('github'), makeEntry());
    await secrets.put(makeSecret('github', { org: 'globex' }), makeEntry());

    const removed = [
      await secrets.remove('acme', 'github', makeEntry({ action: 'secret.remove' })),
      await secrets.remove('acme', 'github', makeEntry({ action: 'secret.remove' })),
    ];

    expect(removed).toEqual([true, false]);
    expect(await secrets.find('globex', 'github')).toBeDefined();
    const actions = (await audit.list('acme', 0, 10)).map(({ action }) => action);
    expect(actions.filter((action) => action === 'secret.remove')).toHaveLength(1);
  });

  it('goes with its org', async () => {
    const { secrets, orgs } = await withOrgs(stores());
    await secrets.put(makeSecret('github'), makeEntry());

    await orgs.remove('acme', makeEntry());

    expect(await secrets.find('acme', 'github')).toBeUndefined();
  });
});
