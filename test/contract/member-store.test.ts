import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { createStores } from '../../src/database/stores.ts';
import { contract, onEveryDatabase } from '../support/backends.ts';
import { makeApiKey, makeEntry, makeMember, makeOrg, makeUser } from '../support/records.ts';

const site = makeEntry({ tenant: '*' });
const later = '2026-03-02T08:00:00.000Z';
const byName = { sort: [{ field: 'username', isDescending: false }], page: 1, pageSize: 10 };

async function withPeople(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) await stores.orgs.insert(makeOrg(slug), site);
  for (const name of ['ada', 'bob']) await stores.users.insert(makeUser(name), site);
  return stores;
}

const named = (username: string) => ({ username, displayName: `Mx ${username}` });

await contract('MemberStore', (stores) => {
  it('find gives back what insert stored, with who it is', async () => {
    const { members } = await withPeople(stores());
    const ada = makeMember('ada', { roles: ['viewer', 'captain'], departments: [] });

    expect(await members.insert(ada, makeEntry())).toBe(true);

    expect(await members.find('acme', ada.userId)).toEqual({ ...ada, ...named('ada') });
    expect(await members.find('globex', ada.userId)).toBeUndefined();
  });

  it('insert refuses who is a member already', async () => {
    const { members, audit } = await withPeople(stores());
    await members.insert(makeMember('ada'), makeEntry());

    expect(await members.insert(makeMember('ada', { roles: ['admin'] }), makeEntry())).toBe(false);

    expect(await members.find('acme', 'id-of-ada')).toMatchObject({ roles: ['editor'] });
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it.each([
    ['an org', { org: 'initech' }],
    ['a person', { userId: 'nobody' }],
  ])('insert refuses %s that is not there', async (_what, part) => {
    const { members } = await withPeople(stores());

    const insertion = members.insert(makeMember('ada', part), makeEntry());

    await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('list gives one org’s, by name and as filtered', async () => {
    const { members } = await withPeople(stores());
    for (const name of ['bob', 'ada']) await members.insert(makeMember(name), makeEntry());
    await members.insert(makeMember('ada', { org: 'globex' }), makeEntry());
    const bob = { field: 'displayName', operator: 'contains', value: 'bob' } as const;

    const { items, totalItems } = await members.list('acme', byName);

    expect(items.map(({ username }) => username)).toEqual(['ada', 'bob']);
    expect(totalItems).toBe(2);
    expect((await members.list('acme', { ...byName, filter: bob })).items).toEqual([
      { ...makeMember('bob'), ...named('bob') },
    ]);
  });

  it('list sorts by when they were added', async () => {
    const { members } = await withPeople(stores());
    await members.insert(makeMember('ada', { createdAt: later }), makeEntry());
    await members.insert(makeMember('bob'), makeEntry());

    const sort = [{ field: 'createdAt', isDescending: true }];
    const { items } = await members.list('acme', { ...byName, sort });

    expect(items.map(({ username }) => username)).toEqual(['ada', 'bob']);
  });

  it('listOf gives a person’s memberships', async () => {
    const { members } = await withPeople(stores());
    const there = makeMember('ada', { org: 'globex' });
    await members.insert(there, makeEntry());
    await members.insert(makeMember('ada'), makeEntry());
    await members.insert(makeMember('bob'), makeEntry());

    expect(await members.listOf('id-of-ada')).toEqual([makeMember('ada'), there]);
  });

  it('replace writes only over the version that was read', async () => {
    const { members, audit } = await withPeople(stores());
    await members.insert(makeMember('ada'), makeEntry());
    const changed = makeMember('ada', { roles: ['viewer'], departments: ['hr'], version: 2 });

    expect(await members.replace(changed, 1, makeEntry())).toBe('done');
    expect(await members.replace(changed, 1, makeEntry())).toBe('changed-meanwhile');

    expect(await members.find('acme', changed.userId)).toMatchObject(changed);
    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });

  it('neither replace nor remove takes the last owner away', async () => {
    const { members, audit } = await withPeople(stores());
    const ada = makeMember('ada', { roles: ['owner'] });
    await members.insert(ada, makeEntry());
    await members.insert(makeMember('bob'), makeEntry());
    const demoted = { ...ada, roles: ['admin'], version: 2 };

    expect(await members.replace(demoted, 1, makeEntry())).toBe('last-owner');
    expect(await members.remove(ada, later, makeEntry())).toBe('last-owner');

    expect(await members.find('acme', ada.userId)).toMatchObject(ada);
    expect(await audit.list('acme', 0, 10)).toHaveLength(2);
  });

  it('remove takes an owner away where there is another', async () => {
    const { members } = await withPeople(stores());
    for (const name of ['ada', 'bob']) {
      await members.insert(makeMember(name, { roles: ['owner'] }), makeEntry());
    }

    expect(await members.remove(makeMember('ada'), later, makeEntry())).toBe('done');

    expect((await members.list('acme', byName)).items).toHaveLength(1);
  });

  it('remove revokes the person’s keys of that org, and no others', async () => {
    const { members, apiKeys } = await withPeople(stores());
    const ada = makeMember('ada');
    await members.insert(ada, makeEntry());
    const { userId } = ada;
    await apiKeys.insert(makeApiKey('own', { userId }), makeEntry());
    await apiKeys.insert(makeApiKey('there', { userId, org: 'globex' }), makeEntry());
    await apiKeys.insert(makeApiKey('bobs', { userId: 'id-of-bob' }), makeEntry());

    expect(await members.remove(ada, later, makeEntry())).toBe('done');
    expect(await members.remove(ada, later, makeEntry())).toBe('changed-meanwhile');

    expect(await apiKeys.find('own')).toMatchObject({ revokedAt: later });
    expect(await apiKeys.find('there')).toMatchObject({ revokedAt: null });
    expect(await apiKeys.find('bobs')).toMatchObject({ revokedAt: null });
  });

  it('forgets an org’s members with the org', async () => {
    const { orgs, members } = await withPeople(stores());
    await members.insert(makeMember('ada', { roles: ['owner'] }), makeEntry());

    await orgs.remove('acme', site);

    expect(await members.listOf('id-of-ada')).toEqual([]);
  });
});

await onEveryDatabase('two owners', (opened) => {
  it('who remove each other at once leave one of them', async () => {
    const { database, openAgain } = opened();
    const other = await openAgain();
    const [here, there] = [createStores(database), createStores(other)];
    await withPeople(here);
    const owners = ['ada', 'bob'].map((name) => makeMember(name, { roles: ['owner'] }));
    for (const owner of owners) await here.members.insert(owner, makeEntry());

    const outcomes = await Promise.all([
      here.members.remove(owners[0]!, later, makeEntry()),
      there.members.remove(owners[1]!, later, makeEntry()),
    ]);

    expect(outcomes.toSorted()).toEqual(['done', 'last-owner']);
    await other.close();
  });
});
