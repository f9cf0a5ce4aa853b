import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { KvPlace } from '../../src/plugin-host/callbacks/kv-store.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const place: KvPlace = {
  org: 'acme',
  source: 'host',
  pluginId: 'counter',
  scope: 'namespace',
  binding: 'sales.counter',
};

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('KvStore', (stores) => {
  it('put stores a value, in place of the one before', async () => {
    const { pluginValues } = await withOrgs(stores());

    await pluginValues.put(place, 'a', '1', 100);
    await pluginValues.put(place, 'a', '2', 100);

    expect(await pluginValues.find(place, 'a')).toBe('2');
    expect(await pluginValues.find(place, 'b')).toBeUndefined();
  });

  it.each<[string, Partial<KvPlace>]>([
    ['org', { org: 'globex' }],
    ['source', { source: 'registry' }],
    ['plugin', { pluginId: 'other' }],
    ['scope', { scope: 'integration' }],
    ['binding', { binding: 'support.counter' }],
  ])('another %s sees and removes nothing of it', async (_name, other) => {
    const { pluginValues } = await withOrgs(stores());
    await pluginValues.put(place, 'a', '1', 100);
    const elsewhere = { ...place, ...other };

    expect(await pluginValues.find(elsewhere, 'a')).toBeUndefined();
    expect(await pluginValues.keys(elsewhere, { prefix: '', after: '', limit: 10 })).toEqual([]);
    expect(await pluginValues.remove(elsewhere, 'a')).toBe(false);
    expect(await pluginValues.find(place, 'a')).toBe('1');
  });

  it('put refuses what would be more than the limit, in bytes of keys and values', async () => {
    const { pluginValues } = await withOrgs(stores());
    await pluginValues.put(place, 'a', '123', 8);

    const stored = [
      await pluginValues.put(place, 'b', '1234', 8),
      await pluginValues.put(place, 'é', '12', 8),
      await pluginValues.put(place, 'c', '1', 8),
    ];

    expect(stored).toEqual([false, true, false]);
    expect(await pluginValues.keys(place, { prefix: '', after: '', limit: 10 })).toEqual([
      'a',
      'é',
    ]);
  });

  it('put counts what it replaces no more', async () => {
    const { pluginValues } = await withOrgs(stores());
    await pluginValues.put(place, 'a', '1234567', 8);

    expect(await pluginValues.put(place, 'a', '7654321', 8)).toBe(true);
    expect(await pluginValues.put({ ...place, binding: 'b' }, 'a', '7654321', 8)).toBe(true);
  });

  it('puts at one time are never more than the limit together', async () => {
    const { pluginValues } = await withOrgs(stores());

    const stored = await Promise.all(
      ['a', 'b', 'c', 'd'].map((key) => pluginValues.put(place, key, '123', 8)),
    );

    expect(stored.filter(Boolean)).toHaveLength(2);
  });

  it('put refuses an org that is gone', async () => {
    const put = stores().pluginValues.put(place, 'a', '1', 100);

    await expect(put).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('keys gives those with the prefix, some at a time', async () => {
    const { pluginValues } = await withOrgs(stores());
    for (const key of ['x_3', 'x_1', 'x%2', 'x_2', 'y']) {
      await pluginValues.put(place, key, '1', 100);
    }

    const first = await pluginValues.keys(place, { prefix: 'x_', after: '', limit: 2 });
    const rest = await pluginValues.keys(place, { prefix: 'x_', after: 'x_2', limit: 2 });

    expect([first, rest]).toEqual([['x_1', 'x_2'], ['x_3']]);
  });

  it('remove takes one away, once', async () => {
    const { pluginValues } = await withOrgs(stores());
    await pluginValues.put(place, 'a', '1', 100);

    const removed = [await pluginValues.remove(place, 'a'), await pluginValues.remove(place, 'a')];

    expect(removed).toEqual([true, false]);
  });

  it('clear takes all of a binding’s away, whatever plugin’s', async () => {
    const { pluginValues } = await withOrgs(stores());
    const others: KvPlace[] = [
      { ...place, org: 'globex' },
      { ...place, scope: 'integration' },
      { ...place, binding: 'support.counter' },
    ];
    for (const one of [place, { ...place, source: 'registry' as const }, ...others]) {
      await pluginValues.put(one, 'a', '1', 100);
      await pluginValues.put(one, 'b', '1', 100);
    }

    await pluginValues.clear('acme', { scope: place.scope, id: place.binding });

    expect(await pluginValues.find(place, 'a')).toBeUndefined();
    expect(await pluginValues.find({ ...place, source: 'registry' }, 'b')).toBeUndefined();
    for (const one of others) expect(await pluginValues.find(one, 'a')).toBe('1');
  });

  it('bindings gives each that has values once', async () => {
    const { pluginValues } = await withOrgs(stores());
    for (const one of [place, { ...place, pluginId: 'other' }, { ...place, binding: 'b' }]) {
      await pluginValues.put(one, 'a', '1', 100);
      await pluginValues.put(one, 'b', '1', 100);
    }

    const bindings = await pluginValues.bindings('acme');

    expect(bindings).toHaveLength(2);
    expect(bindings).toEqual(
      expect.arrayContaining([
        { scope: 'namespace', id: 'sales.counter' },
        { scope: 'namespace', id: 'b' },
      ]),
    );
    expect(await pluginValues.bindings('globex')).toEqual([]);
  });

  it('goes with its org', async () => {
    const { pluginValues, orgs } = await withOrgs(stores());
    await pluginValues.put(place, 'a', '1', 100);

    await orgs.remove('acme', makeEntry());

    expect(await pluginValues.find(place, 'a')).toBeUndefined();
  });
});
