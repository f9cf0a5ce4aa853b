import { expect, it } from 'vitest';
import { CHAIN_START, findBreak } from '../../src/audit/chain.ts';
import type { AuditEntry } from '../../src/audit/entry.ts';
import type { Stores } from '../../src/database/stores.ts';
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
});
