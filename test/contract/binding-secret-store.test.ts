import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { StoredBindingSecret } from '../../src/plugin-host/callbacks/binding-secret.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const github = { scope: 'integration', id: 'github' } as const;

const makeSecret = (
  name: string,
  part: Partial<StoredBindingSecret> = {},
): StoredBindingSecret => ({
  org: 'acme',
  scope: 'integration',
  binding: 'github',
  name,
  field: 'token',
  plugin: 'builtin:github',
  origins: ['https://api.example.com'],
  wrapped: `wrapped-${name}`,
  updatedAt: '2026-03-01T12:00:00.000Z',
  updatedBy: 'user:ada',
  ...part,
});

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('BindingSecretStore', (stores) => {
  it('put stores several with one entry, for that binding alone', async () => {
    const { bindingSecrets, audit } = await withOrgs(stores());

    await bindingSecrets.put([makeSecret('a'), makeSecret('b')], makeEntry());

    expect(await bindingSecrets.find('acme', github, 'a')).toEqual(makeSecret('a'));
    expect(await bindingSecrets.list('acme', github)).toEqual([makeSecret('a'), makeSecret('b')]);
    expect(await bindingSecrets.find('globex', github, 'a')).toBeUndefined();
    expect(await bindingSecrets.find('acme', { ...github, id: 'b' }, 'a')).toBeUndefined();
    expect(await bindingSecrets.list('acme', { ...github, scope: 'org' })).toEqual([]);
    expect(await audit.list('acme', 0, 10)).toMatchObject([makeEntry()]);
  });

  it('put replaces the one of that name', async () => {
    const { bindingSecrets } = await withOrgs(stores());
    await bindingSecrets.put([makeSecret('a')], makeEntry());
    const newer = makeSecret('a', { wrapped: 'newer', origins: [] });

    await bindingSecrets.put([newer], makeEntry());

    expect(await bindingSecrets.list('acme', github)).toEqual([newer]);
  });

  it('put refuses an org that is gone', async () => {
    const put = stores().bindingSecrets.put([makeSecret('a')], makeEntry());

    await expect(put).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('remove takes those that it names away with an entry, once', async () => {
    const { bindingSecrets, audit } = await withOrgs(stores());
    const all = [makeSecret('a'), makeSecret('b'), makeSecret('a', { binding: 'gitlab' })];
    await bindingSecrets.put(all, makeEntry());

    await bindingSecrets.remove('acme', github, ['a', 'c'], makeEntry({ action: 'removed' }));
    await bindingSecrets.remove('acme', github, ['a'], makeEntry({ action: 'removed' }));

    expect(await bindingSecrets.list('acme', github)).toEqual([makeSecret('b')]);
    expect(await bindingSecrets.list('acme', { ...github, id: 'gitlab' })).toHaveLength(1);
    const actions = (await audit.list('acme', 0, 10)).map(({ action }) => action);
    expect(actions.filter((action) => action === 'removed')).toHaveLength(1);
  });

  it('bindings gives each that has secrets once', async () => {
    const { bindingSecrets } = await withOrgs(stores());
    const all = [makeSecret('a'), makeSecret('b'), makeSecret('a', { scope: 'org' })];
    await bindingSecrets.put(all, makeEntry());

    const bindings = await bindingSecrets.bindings('acme');

    expect(bindings).toHaveLength(2);
    expect(bindings).toEqual(expect.arrayContaining([github, { ...github, scope: 'org' }]));
    expect(await bindingSecrets.bindings('globex')).toEqual([]);
  });

  it('goes with its org', async () => {
    const { bindingSecrets, orgs } = await withOrgs(stores());
    await bindingSecrets.put([makeSecret('a')], makeEntry());

    await orgs.remove('acme', makeEntry());

    expect(await bindingSecrets.list('acme', github)).toEqual([]);
  });
});
