import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeBody, makeEntry, makeOrg } from '../support/records.ts';

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

const bytes = (...values: number[]) => Uint8Array.from(values);

await contract('SealedStore', (stores) => {
  it('findBody gives an org its body, and another org nothing', async () => {
    const { sealed } = await withOrgs(stores());

    expect(await sealed.insertBody(makeBody('k'))).toEqual(makeBody('k'));

    expect(await sealed.findBody('acme', 'k')).toEqual(makeBody('k'));
    expect(await sealed.findBody('globex', 'k')).toBeUndefined();
  });

  it('insertBody answers the one that was stored first', async () => {
    const { sealed } = await withOrgs(stores());
    await sealed.insertBody(makeBody('k'));

    const answer = await sealed.insertBody(makeBody('k', { bodyDigest: 'of the second' }));

    expect(answer).toEqual(makeBody('k'));
  });

  it('insertBody gives concurrent writers the same body', async () => {
    const { sealed } = await withOrgs(stores());

    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        sealed.insertBody(makeBody('k', { bodyDigest: `writer ${i}` })),
      ),
    );

    expect(new Set(answers.map(({ bodyDigest }) => bodyDigest)).size).toBe(1);
  });

  it('insertPacket keeps the first packet of a body and recipient, byte for byte', async () => {
    const { sealed } = stores();

    await sealed.insertPacket('d', 'SUBKEY', bytes(0, 255, 10));
    const answer = await sealed.insertPacket('d', 'SUBKEY', bytes(1));

    expect([...answer]).toEqual([0, 255, 10]);
    expect([...(await sealed.findPacket('d', 'SUBKEY'))!]).toEqual([0, 255, 10]);
    expect(await sealed.findPacket('d', 'OTHER')).toBeUndefined();
  });

  it('removeBody takes the packets along', async () => {
    const { sealed } = await withOrgs(stores());
    for (const key of ['k', 'kept']) {
      await sealed.insertBody(makeBody(key));
      await sealed.insertPacket(`digest-of-${key}`, 'SUBKEY', bytes(1));
    }

    await sealed.removeBody('globex', 'k');
    expect(await sealed.findBody('acme', 'k')).toBeDefined();
    await sealed.removeBody('acme', 'k');

    expect(await sealed.findBody('acme', 'k')).toBeUndefined();
    expect(await sealed.findPacket('digest-of-k', 'SUBKEY')).toBeUndefined();
    expect(await sealed.findBody('acme', 'kept')).toBeDefined();
    expect(await sealed.findPacket('digest-of-kept', 'SUBKEY')).toBeDefined();
  });

  it('removeBodiesReadBy removes what a recipient of that org could read, for everybody', async () => {
    const { sealed } = await withOrgs(stores());
    await sealed.insertBody(makeBody('both'));
    await sealed.insertBody(makeBody('adas'));
    await sealed.insertBody(makeBody('bobs'));
    await sealed.insertBody(makeBody('theirs', { org: 'globex' }));
    for (const key of ['both', 'adas', 'theirs']) {
      await sealed.insertPacket(`digest-of-${key}`, 'ADA', bytes(1));
    }
    for (const key of ['both', 'bobs']) {
      await sealed.insertPacket(`digest-of-${key}`, 'BOB', bytes(2));
    }

    expect(await sealed.removeBodiesReadBy('acme', 'ADA')).toBe(2);

    expect(await sealed.findBody('acme', 'both')).toBeUndefined();
    expect(await sealed.findBody('acme', 'adas')).toBeUndefined();
    expect(await sealed.findPacket('digest-of-both', 'BOB')).toBeUndefined();
    expect(await sealed.findBody('acme', 'bobs')).toBeDefined();
    expect(await sealed.findBody('globex', 'theirs')).toBeDefined();
    expect(await sealed.findPacket('digest-of-theirs', 'ADA')).toBeDefined();
  });

  it('removeBodiesFrom removes the old ones with their packets, and bodyDigests names the rest', async () => {
    const { sealed } = await withOrgs(stores());
    await sealed.insertBody(makeBody('old', { createdAt: '2026-01-01T00:00:00.000Z' }));
    await sealed.insertBody(makeBody('new', { createdAt: '2026-03-01T00:00:00.000Z' }));
    await sealed.insertBody(makeBody('theirs', { org: 'globex' }));
    await sealed.insertPacket('digest-of-old', 'ADA', bytes(1));
    await sealed.insertPacket('digest-of-new', 'ADA', bytes(1));

    expect(await sealed.removeBodiesFrom('2026-02-01T00:00:00.000Z')).toBe(1);

    expect(await sealed.findPacket('digest-of-old', 'ADA')).toBeUndefined();
    expect(await sealed.findPacket('digest-of-new', 'ADA')).toBeDefined();
    expect(await sealed.bodyDigests()).toEqual(new Set(['digest-of-new', 'digest-of-theirs']));
  });
});
