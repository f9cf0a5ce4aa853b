import { describe, expect, it } from 'vitest';
import { makersOf } from '../../src/identity/key-caller.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeApiKey, makeEntry, makeOrg } from '../support/records.ts';

async function storeWith(...keys: ReturnType<typeof makeApiKey>[]) {
  const { apiKeys, orgs } = createMemoryStores();
  await orgs.insert(makeOrg('acme'), makeEntry());
  for (const key of keys) await apiKeys.insert({ ...key, userId: null }, makeEntry());
  return apiKeys;
}

describe('makersOf', () => {
  it('is nobody for a key that its person made', async () => {
    const own = makeApiKey('a1', { user: 'lin', createdBy: 'user:lin' });

    expect(await makersOf(own, await storeWith(own))).toEqual([]);
  });

  it('is whoever made it for somebody, or for nobody', async () => {
    const robot = makeApiKey('a1', { user: null, createdBy: 'user:boss' });
    const apiKeys = await storeWith(robot);

    expect(await makersOf(robot, apiKeys)).toEqual(['user:boss']);
    expect(await makersOf({ ...robot, user: 'lin' }, apiKeys)).toEqual(['user:boss']);
  });

  it('goes back through the keys that it was made by, and ends in a ring', async () => {
    const first = makeApiKey('a1', { user: 'kim', createdBy: 'user:boss' });
    const second = makeApiKey('a2', { user: null, createdBy: 'key:a1' });
    const ring = makeApiKey('a3', { user: null, createdBy: 'key:a3' });
    const apiKeys = await storeWith(first, second, ring);
    const third = { user: 'lin', createdBy: 'key:a2' };

    expect(await makersOf(third, apiKeys)).toEqual(['key:a2', 'key:a1', 'user:kim', 'user:boss']);
    expect(await makersOf({ user: null, createdBy: 'key:a3' }, apiKeys)).toEqual(['key:a3']);
  });
});
