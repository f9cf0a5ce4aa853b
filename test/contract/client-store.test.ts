import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { ClientState } from '../../src/delivery/client.ts';
import { contract } from '../support/backends.ts';
import { makeClient, makeEntry, makeOrg } from '../support/records.ts';

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

const makeState = (clientId: string, report: string, org = 'acme'): ClientState => ({
  org,
  clientId,
  report,
  reportedAt: '2026-03-02T08:00:00.000Z',
});

await contract('ClientStore', (stores) => {
  it('find gives back what insert stored, labels and nulls included', async () => {
    const { clients } = await withOrgs(stores());
    const laptop = makeClient('c1', { publicKey: '-----BEGIN…', keyFingerprint: 'AB'.repeat(20) });

    await clients.insert(laptop, makeEntry());

    expect(await clients.find('acme', 'c1')).toEqual(laptop);
    expect(await clients.find('acme', 'c2')).toBeUndefined();
  });

  it("find gives no other org's client, not even one of the same id", async () => {
    const { clients } = await withOrgs(stores());
    const theirs = makeClient('c1', { org: 'globex', name: 'theirs' });
    await clients.insert(theirs, makeEntry({ tenant: 'globex' }));

    expect(await clients.find('acme', 'c1')).toBeUndefined();

    await clients.insert(makeClient('c1', { tokenHash: 'another' }), makeEntry());
    expect((await clients.find('acme', 'c1'))?.name).toBe('laptop');
    expect(await clients.find('globex', 'c1')).toEqual(theirs);
  });

  it('findByToken finds revoked clients too, so that their token can be refused by name', async () => {
    const { clients } = await withOrgs(stores());
    const revoked = makeClient('c1', { tokenHash: 'gone', revokedAt: '2026-03-02T08:00:00.000Z' });
    await clients.insert(revoked, makeEntry());

    expect(await clients.findByToken('gone')).toEqual(revoked);
    expect(await clients.findByToken('unknown')).toBeUndefined();
  });

  it('insert refuses a client of an org that was removed meanwhile', async () => {
    const { clients, audit } = stores();

    const insertion = clients.insert(makeClient('c1'), makeEntry());

    await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('list pages by id, leaving revoked clients and other orgs out', async () => {
    const { clients } = await withOrgs(stores());
    for (const id of ['c3', 'c1', 'c4', 'c2']) await clients.insert(makeClient(id), makeEntry());
    await clients.insert(makeClient('c5', { revokedAt: '2026-03-02T08:00:00.000Z' }), makeEntry());
    await clients.insert(makeClient('c6', { org: 'globex' }), makeEntry());

    const first = await clients.list('acme', '', 3);
    const second = await clients.list('acme', 'c3', 3);

    expect(first.map(({ id }) => id)).toEqual(['c1', 'c2', 'c3']);
    expect(second).toEqual([makeClient('c4')]);
  });

  it('replace saves the client and its audit entry while the version is the expected one', async () => {
    const { clients, audit } = await withOrgs(stores());
    await clients.insert(makeClient('c1'), makeEntry());
    const rotated = makeClient('c1', { publicKey: 'key-2', labels: {}, version: 2 });

    expect(await clients.replace(rotated, 1, makeEntry({ action: 'client.rotate-key' }))).toBe(
      true,
    );

    expect(await clients.find('acme', 'c1')).toEqual(rotated);
    expect((await audit.list('acme', 1, 10)).map((e) => e.action)).toEqual(['client.rotate-key']);
  });

  it('replace answers false and writes nothing when another change came first', async () => {
    const { clients, audit } = await withOrgs(stores());
    await clients.insert(makeClient('c1', { version: 2 }), makeEntry());

    const overtaken = makeClient('c1', { name: 'overtaken', version: 2 });
    expect(await clients.replace(overtaken, 1, makeEntry())).toBe(false);
    expect(await clients.replace(makeClient('c9'), 1, makeEntry())).toBe(false);

    expect((await clients.find('acme', 'c1'))?.name).toBe('laptop');
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('replace lets one of many concurrent writers through', async () => {
    const { clients } = await withOrgs(stores());
    await clients.insert(makeClient('c1'), makeEntry());

    const writers = Array.from({ length: 8 }, (_, i) =>
      clients.replace(makeClient('c1', { name: `writer ${i}`, version: 2 }), 1, makeEntry()),
    );

    expect((await Promise.all(writers)).filter(Boolean)).toHaveLength(1);
  });

  it('saveStates keeps the last report of each client', async () => {
    const { clients } = await withOrgs(stores());
    for (const id of ['c1', 'c2']) await clients.insert(makeClient(id), makeEntry());

    await clients.saveStates([makeState('c1', '{"plugins":[]}')]);
    await clients.saveStates([
      makeState('c1', '{"round":1}'),
      makeState('c2', '{"plugins":[]}'),
      makeState('c1', '{"round":2}'),
    ]);

    expect(await clients.findState('acme', 'c1')).toEqual(makeState('c1', '{"round":2}'));
    expect(await clients.findState('acme', 'c2')).toEqual(makeState('c2', '{"plugins":[]}'));
    expect(await clients.findState('globex', 'c1')).toBeUndefined();
  });

  it('saveStates takes hundreds at once and drops those of clients that are gone', async () => {
    const { clients } = await withOrgs(stores());
    const ids = Array.from({ length: 150 }, (_, i) => `c${i}`);
    for (const id of ids) await clients.insert(makeClient(id), makeEntry());

    await clients.saveStates([
      makeState('c1', '{}', 'globex'),
      ...ids.map((id) => makeState(id, `{"of":"${id}"}`)),
      makeState('gone', '{}'),
    ]);

    for (const id of ids) {
      expect((await clients.findState('acme', id))?.report).toBe(`{"of":"${id}"}`);
    }
    expect(await clients.findState('acme', 'gone')).toBeUndefined();
    expect(await clients.findState('globex', 'c1')).toBeUndefined();
  });

  it('saveStates takes an empty list', async () => {
    await expect(stores().clients.saveStates([])).resolves.toBeUndefined();
  });
});
