import { expect, it } from 'vitest';
import type { AuditEntry } from '../../src/audit/entry.ts';
import type { Stores } from '../../src/database/stores.ts';
import { CHAIN_START, findBreak } from '../../src/model/audit-chain.ts';
import { contract } from '../support/backends.ts';
import { makeApiKey, makeEntry, makeOrg } from '../support/records.ts';

/** Any mutation that carries an entry will do. */
async function record({ apiKeys }: Stores, entry: AuditEntry): Promise<void> {
  await apiKeys.insert(makeApiKey(crypto.randomUUID(), { org: null }), entry);
}

await contract('AuditStore', (stores) => {
  it('list gives an entry back with its place in the chain', async () => {
    const entry = makeEntry({
      before: null,
      after: { labels: { z: 1, a: ['é', '\u0000', 0.1, false] } },
      requestId: 'r-1',
    });

    await record(stores(), entry);
    const [stored] = await stores().audit.list('acme', 0, 10);

    expect(stored).toEqual({
      ...entry,
      sequence: 1,
      previousHash: CHAIN_START,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('list gives fields that were absent back as absent', async () => {
    await record(stores(), makeEntry({ before: undefined }));

    const [stored] = await stores().audit.list('acme', 0, 10);

    expect(Object.keys(stored!)).not.toContain('before');
    expect(Object.keys(stored!)).not.toContain('after');
    expect(Object.keys(stored!)).not.toContain('requestId');
  });

  it('list pages through one tenant by sequence', async () => {
    for (const resource of ['a', 'b', 'c', 'd']) {
      await record(stores(), makeEntry({ resource }));
      await record(stores(), makeEntry({ resource, tenant: '*' }));
    }

    const page = await stores().audit.list('acme', 1, 2);

    expect(page.map(({ sequence, resource }) => [sequence, resource])).toEqual([
      [2, 'b'],
      [3, 'c'],
    ]);
  });

  it('keeps the chain whole under concurrent writers', async () => {
    await stores().orgs.insert(makeOrg('acme'), makeEntry());

    await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        record(stores(), makeEntry({ resource: `r${i}`, after: { i, text: 'é\ud800' } })),
      ),
    );
    const entries = await stores().audit.list('acme', 0, 100);

    expect(entries.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 31 }, (_, i) => i + 1),
    );
    expect(findBreak(entries)).toBeUndefined();
  });

  it('page filters and sorts one tenant', async () => {
    for (const resource of ['a', 'b', 'c']) {
      await record(stores(), makeEntry({ resource, action: resource === 'b' ? 'x.do' : 'y.do' }));
      await record(stores(), makeEntry({ resource, tenant: '*' }));
    }

    const page = await stores().audit.page('acme', {
      filter: { field: 'action', operator: 'eq', value: 'y.do' },
      sort: [{ field: 'sequence', isDescending: true }],
      page: 1,
      pageSize: 1,
    });

    expect(page).toMatchObject({ items: [{ sequence: 3, resource: 'c' }], totalItems: 2 });
    expect(page.items[0]).not.toHaveProperty('requestId');
  });

  it('head gives the last place of a tenant, and none before its first', async () => {
    await record(stores(), makeEntry());
    await record(stores(), makeEntry());

    const [, last] = await stores().audit.list('acme', 0, 10);
    expect(await stores().audit.head('acme')).toEqual({ sequence: 2, hash: last!.hash });
    expect(await stores().audit.head('*')).toBeUndefined();
  });

  it('tells what a resource came to be', async () => {
    const [resource, after] = ['refs/heads/main', '1'.repeat(40)];
    await record(stores(), makeEntry({ resource, after }));
    const { audit } = stores();

    expect(await audit.tells('acme', resource, after)).toBe(true);
    expect(await audit.tells('acme', resource, '2'.repeat(40))).toBe(false);
    expect(await audit.tells('acme', 'refs/heads/other', after)).toBe(false);
    expect(await audit.tells('globex', resource, after)).toBe(false);
  });

  it('append adds an entry that goes with no change', async () => {
    await stores().audit.append(makeEntry({ action: 'site.backup' }));
    await stores().audit.append(makeEntry());

    const entries = await stores().audit.list('acme', 0, 10);
    expect(entries.map(({ action }) => action)).toEqual(['site.backup', 'test.act']);
    expect(findBreak(entries)).toBeUndefined();
  });
});
