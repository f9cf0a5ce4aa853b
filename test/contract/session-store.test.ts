import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg, makeSession, makeUser } from '../support/records.ts';

const site = makeEntry({ tenant: '*' });
const later = '2026-03-02T08:00:00.000Z';

async function withAda(stores: Stores): Promise<Stores> {
  await stores.orgs.insert(makeOrg('acme'), site);
  await stores.users.insert(makeUser('ada'), site);
  return stores;
}

await contract('SessionStore', (stores) => {
  it('find gives back what insert stored', async () => {
    const { sessions } = await withAda(stores());
    const session = makeSession('s1', { org: 'acme' });

    await sessions.insert(session, site);

    expect(await sessions.find('s1')).toEqual(session);
    expect(await sessions.find('s2')).toBeUndefined();
  });

  it('insert ends the session that it replaces', async () => {
    const { sessions } = await withAda(stores());
    await sessions.insert(makeSession('old'), site);

    await sessions.insert(makeSession('new'), site, 'old');

    expect(await sessions.find('old')).toBeUndefined();
    expect(await sessions.find('new')).toBeDefined();
  });

  it('insert refuses one of a person who was removed meanwhile', async () => {
    const { sessions } = await withAda(stores());

    const insertion = sessions.insert(makeSession('s1', { userId: 'nobody' }), site);

    await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('touch stores when it was last seen, without an audit entry', async () => {
    const { sessions, audit } = await withAda(stores());
    await sessions.insert(makeSession('s1'), site);
    const before = await audit.list('*', 0, 10);

    await sessions.touch('s1', later);

    expect(await sessions.find('s1')).toEqual(makeSession('s1', { lastSeenAt: later }));
    expect(await audit.list('*', 0, 10)).toEqual(before);
  });

  it('end ends it once', async () => {
    const { sessions, audit } = await withAda(stores());
    await sessions.insert(makeSession('s1'), site);

    expect(await sessions.end('s1', makeEntry())).toBe(true);
    expect(await sessions.end('s1', makeEntry())).toBe(false);

    expect(await sessions.find('s1')).toBeUndefined();
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('removeExpired keeps those that may still be used', async () => {
    const { sessions } = await withAda(stores());
    await sessions.insert(makeSession('idle', { lastSeenAt: '2026-03-01T00:00:00.000Z' }), site);
    await sessions.insert(makeSession('old', { expiresAt: later }), site);
    await sessions.insert(makeSession('live', { lastSeenAt: later }), site);

    expect(await sessions.removeExpired(later, '2026-03-01T00:00:00.000Z')).toBe(2);

    expect(await sessions.find('live')).toBeDefined();
  });

  it('outlives the org that was chosen in it', async () => {
    const { orgs, sessions } = await withAda(stores());
    await sessions.insert(makeSession('s1', { org: 'acme' }), site);

    await orgs.remove('acme', site);

    expect(await sessions.find('s1')).toEqual(makeSession('s1', { org: null }));
  });
});
