import { expect, it } from 'vitest';
import type { TokenKey } from '../../src/identity/token-key.ts';
import { contract } from '../support/backends.ts';
import { makeEntry } from '../support/records.ts';

const makeKey = (sequence: number, part: Partial<TokenKey> = {}): TokenKey => ({
  sequence,
  kid: `kid-${sequence}`,
  publicJwk: { kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ' },
  wrappedPrivate: 'd3JhcHBlZA==',
  createdAt: '2026-03-01T12:00:00.000Z',
  ...part,
});

const entry = makeEntry({ tenant: '*', action: 'token-key.create' });

await contract('TokenKeyStore', (stores) => {
  it('rotate adds the first key, with the entry', async () => {
    const { tokenKeys, audit } = stores();

    expect(await tokenKeys.list()).toEqual([]);
    expect(await tokenKeys.rotate(makeKey(1), entry)).toBe(true);

    expect(await tokenKeys.list()).toEqual([makeKey(1)]);
    expect(await audit.list('*', 0, 10)).toEqual([expect.objectContaining(entry)]);
  });

  it('rotate forgets the private part of the key before, and removes those before that', async () => {
    const { tokenKeys } = stores();

    for (const sequence of [1, 2, 3]) await tokenKeys.rotate(makeKey(sequence), entry);

    expect(await tokenKeys.list()).toEqual([makeKey(2, { wrappedPrivate: null }), makeKey(3)]);
  });

  it('rotate answers false and writes nothing when there is a key of that sequence', async () => {
    const { tokenKeys, audit } = stores();
    for (const sequence of [1, 2]) await tokenKeys.rotate(makeKey(sequence), entry);
    const before = await tokenKeys.list();

    expect(await tokenKeys.rotate(makeKey(2, { kid: 'another' }), entry)).toBe(false);

    expect(await tokenKeys.list()).toEqual(before);
    expect(await audit.list('*', 0, 10)).toHaveLength(2);
  });

  it('rotate lets one of many through that come at once', async () => {
    const { tokenKeys } = stores();

    const rotations = Array.from({ length: 6 }, (_, i) =>
      tokenKeys.rotate(makeKey(1, { kid: `of-${i}` }), entry),
    );

    expect((await Promise.all(rotations)).filter(Boolean)).toHaveLength(1);
    expect(await tokenKeys.list()).toHaveLength(1);
  });
});
