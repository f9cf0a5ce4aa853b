import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import {
  makeApiKey,
  makeEntry,
  makeMember,
  makeOrg,
  makeSession,
  makeUser,
} from '../support/records.ts';

const site = makeEntry({ tenant: '*' });
const later = '2026-03-02T08:00:00.000Z';
const identity = { issuer: 'https://id.example', subject: '42' };
const all = { sort: [{ field: 'username', isDescending: false }], page: 1, pageSize: 10 };

/** Ada, in an org, logged in and with a key. */
async function withAda(stores: Stores) {
  const { orgs, users, members, sessions, apiKeys } = stores;
  await orgs.insert(makeOrg('acme'), site);
  const ada = makeUser('ada');
  await users.insert(ada, site, identity);
  await members.insert(makeMember('ada'), makeEntry());
  await sessions.insert(makeSession('s1'), site);
  await apiKeys.insert(makeApiKey('k1', { userId: ada.id }), makeEntry());
  return { ...stores, ada };
}

await contract('UserStore', (stores) => {
  it('find, findByName and findByIdentity give back what insert stored', async () => {
    const { users } = stores();
    const ada = makeUser('ada', { isSiteAdmin: true, disabledAt: later });
    const bare = makeUser('bob', { email: null, passwordHash: '$scrypt$' });

    await users.insert(ada, site, identity);
    await users.insert(bare, site);

    expect(await users.find(ada.id)).toEqual(ada);
    expect(await users.findByName('bob')).toEqual(bare);
    expect(await users.findByIdentity(identity)).toEqual(ada);
    expect(await users.find('nobody')).toBeUndefined();
    expect(await users.findByName('ADA')).toBeUndefined();
    expect(await users.findByIdentity({ ...identity, subject: '43' })).toBeUndefined();
  });

  it('insert refuses a name that is taken, and writes nothing', async () => {
    const { users, audit } = stores();
    await users.insert(makeUser('ada'), site);

    const isMade = await users.insert(makeUser('ada', { id: 'another' }), site, identity);

    expect(isMade).toBe(false);
    expect(await users.find('another')).toBeUndefined();
    expect(await users.findByIdentity(identity)).toBeUndefined();
    expect(await audit.list('*', 0, 10)).toHaveLength(1);
  });

  it('insert refuses an identity that is another’s, and leaves no user', async () => {
    const { users, audit } = stores();
    await users.insert(makeUser('ada'), site, identity);

    expect(await users.insert(makeUser('eve'), site, identity)).toBe(false);

    expect(await users.findByName('eve')).toBeUndefined();
    expect(await audit.list('*', 0, 10)).toHaveLength(1);
  });

  it('list pages, filters and sorts', async () => {
    const { users } = stores();
    for (const name of ['cyd', 'ada', 'bob']) {
      await users.insert(makeUser(name, { isSiteAdmin: name === 'bob' }), site);
    }
    const admins = { field: 'isSiteAdmin', operator: 'eq', value: true } as const;

    const { items, totalItems } = await users.list({ ...all, pageSize: 2 });

    expect(items.map(({ username }) => username)).toEqual(['ada', 'bob']);
    expect(totalItems).toBe(3);
    expect((await users.list({ ...all, filter: admins })).items).toEqual([
      makeUser('bob', { isSiteAdmin: true }),
    ]);
  });

  it('replace writes only over the version that was read', async () => {
    const { users, audit } = stores();
    const ada = makeUser('ada');
    await users.insert(ada, site);
    const renamed = { ...ada, displayName: 'Ada L.', version: 2 };

    expect(await users.replace(renamed, 1, site)).toBe(true);
    expect(await users.replace({ ...ada, version: 2 }, 1, site)).toBe(false);

    expect(await users.find(ada.id)).toEqual(renamed);
    expect(await audit.list('*', 0, 10)).toHaveLength(2);
  });

  it('replace keeps the sessions where neither password nor standing changes', async () => {
    const { users, sessions, ada } = await withAda(stores());

    await users.replace({ ...ada, displayName: 'Ada L.', version: 2 }, 1, site);

    expect(await sessions.find('s1')).toBeDefined();
  });

  it.each([
    ['another password', { passwordHash: '$scrypt$' }],
    ['being disabled', { disabledAt: later }],
  ])('replace ends the sessions with %s', async (_what, part) => {
    const { users, sessions, ada } = await withAda(stores());

    await users.replace({ ...ada, ...part, version: 2 }, 1, site);

    expect(await sessions.find('s1')).toBeUndefined();
  });

  it('remove takes memberships, sessions and identities along, and revokes keys', async () => {
    const { users, members, sessions, apiKeys, ada } = await withAda(stores());

    expect(await users.remove(ada.id, later, site)).toBe(true);
    expect(await users.remove(ada.id, later, site)).toBe(false);

    expect(await members.find('acme', ada.id)).toBeUndefined();
    expect(await sessions.find('s1')).toBeUndefined();
    expect(await users.findByIdentity(identity)).toBeUndefined();
    expect(await apiKeys.find('k1')).toMatchObject({ userId: null, revokedAt: later });
  });
});
