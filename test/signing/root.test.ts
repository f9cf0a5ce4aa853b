import { readSignature } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OrgKey, StoredRoot } from '../../src/signing/keys.ts';
import { generateOrgKeys, openKeyring } from '../../src/signing/org-keys.ts';
import {
  createRoot,
  keysOfRole,
  parseRoot,
  type RootDocument,
  rotateRoot,
  verifyRoot,
  verifyRootChain,
} from '../../src/signing/root.ts';
import { MADE_AT, makeOrgKeys, type TestOrg, testMaster } from '../support/org-keys.ts';

const terms = {
  org: 'acme',
  orgUid: 'uid-1',
  issuedAt: MADE_AT,
  expiresAt: '2027-11-02T09:00:00.000Z',
  custody: 'server',
} as const;
const now = Date.parse('2027-01-01T00:00:00Z');

const bodyOf = (root: StoredRoot) => Buffer.from(root.body);
const signatureOf = (root: StoredRoot) => Buffer.from(root.signature, 'base64');
const bytesOf = (root: StoredRoot) => ({ body: bodyOf(root), signature: signatureOf(root) });
const verified = (root: StoredRoot, trusted?: RootDocument) =>
  verifyRoot(bodyOf(root), signatureOf(root), trusted);
const refusal = (message: string) => ({
  code: 'SIGN_INVALID',
  message: expect.stringContaining(message) as string,
});

let org: TestOrg;
let first: StoredRoot;
let trusted: RootDocument;

beforeAll(async () => {
  org = await makeOrgKeys();
  first = await createRoot(terms, org.keys, org.keyring);
  trusted = await verified(first);
});

/** The org's keys after a rotation of `roles`, the replaced ones retired. */
async function rotateKeys(keys: readonly OrgKey[], roles: readonly OrgKey['role'][]) {
  const added = await generateOrgKeys({ org: 'acme', at: MADE_AT, roles }, testMaster);
  const kept = keys.map((key) =>
    roles.includes(key.role) ? { ...key, retiredAt: key.retiredAt ?? MADE_AT } : key,
  );
  return [...kept, ...added];
}

/** Version 2, with new keys for `roles`. */
async function rotate(roles: readonly OrgKey['role'][], change: Partial<RootDocument> = {}) {
  const keys = await rotateKeys(org.keys, roles);
  const next = openKeyring(keys, testMaster);
  const previous = { ...trusted, ...change };
  const root = await rotateRoot(previous, terms, keys, { previous: org.keyring, next });
  return { root, keys, next };
}

describe('createRoot', () => {
  it('lists one key a role, and signs with the root key', () => {
    const [root, release, index] = org.keys.map(({ fingerprint }) => fingerprint);

    expect(trusted).toMatchObject({
      _type: 'root',
      ...terms,
      version: 1,
      roles: {
        root: { keyids: [root], threshold: 1 },
        release: { keyids: [release], threshold: 1 },
        index: { keyids: [index], threshold: 1 },
      },
    });
    expect(keysOfRole(trusted, 'release')).toEqual([org.releaseKey]);
  });

  it('makes the same bytes of the same keys and terms', async () => {
    expect(await createRoot(terms, org.keys, org.keyring)).toEqual(first);
  });
});

describe('rotateRoot', () => {
  it('makes a next version that the old and the new root key signed', async () => {
    const { root, next } = await rotate(['root']);

    const document = await verified(root, trusted);

    expect(document.version).toBe(2);
    expect(document.roles.root.keyids).toEqual([next.fingerprint('root')]);
  });

  it('keeps listing a retired release key, whose tags never change', async () => {
    const { root, next } = await rotate(['release', 'index']);

    const { roles } = await verified(root, trusted);

    expect(roles.release.keyids).toEqual([
      org.keyring.fingerprint('release'),
      next.fingerprint('release'),
    ]);
    expect(roles.index.keyids).toEqual([next.fingerprint('index')]);
  });

  it('signs once where the root key stays', async () => {
    const { root } = await rotate(['release']);

    const { packets } = await readSignature({ binarySignature: signatureOf(root) });
    expect(packets).toHaveLength(1);
  });
});

describe('verifyRoot', () => {
  it('refuses altered bytes', async () => {
    const body = Buffer.from(first.body.replace('"threshold": 1', '"threshold":  1'));

    await expect(verifyRoot(body, signatureOf(first))).rejects.toMatchObject(
      refusal('none of the 1 trusted keys'),
    );
  });

  it('refuses a successor that the trusted root key did not sign', async () => {
    const { root, keys, next } = await rotate(['root']);
    const stolen = await rotateRoot(trusted, terms, keys, { previous: next, next });

    expect(stolen.body).toBe(root.body);
    await expect(verified(stolen, trusted)).rejects.toMatchObject(refusal('none of the 1'));
  });

  it('refuses a successor that its own root key did not sign', async () => {
    const { keys } = await rotate(['root']);
    const half = { previous: org.keyring, next: org.keyring };

    await expect(
      verified(await rotateRoot(trusted, terms, keys, half), trusted),
    ).rejects.toMatchObject(refusal('none of the 1'));
  });

  it.each([
    [1, 'root version 2 does not follow version 2', { version: 2 }],
    [2, 'root version 2 does not follow version 3', { version: 3 }],
    [3, 'root version 2 does not follow version 0', { version: 0 }],
  ])('refuses a version that is not the next (%i)', async (_n, message, version) => {
    const { root } = await rotate([]);

    await expect(verified(root, { ...trusted, ...version })).rejects.toMatchObject(
      refusal(message),
    );
  });

  it('refuses the root of another org, though the same keys signed it', async () => {
    const { root } = await rotate([], { orgUid: 'uid-2' });

    await expect(verified(root, trusted)).rejects.toMatchObject(refusal('another org'));
  });

  it('refuses fewer signatures than the trusted root demands', async () => {
    const second = await makeOrgKeys();
    const key = second.keys[0]!;
    const strict: RootDocument = {
      ...trusted,
      roles: {
        ...trusted.roles,
        root: { keyids: [...trusted.roles.root.keyids, key.fingerprint], threshold: 2 },
      },
      keys: { ...trusted.keys, [key.fingerprint]: { armored: key.publicArmored } },
    };
    const { root } = await rotate([]);

    await expect(verified(root, strict)).rejects.toMatchObject(
      refusal('1 of the trusted keys signed these bytes, and 2 must'),
    );
  });

  it('refuses a key that is listed under another fingerprint', async () => {
    const stranger = await makeOrgKeys();
    const [ours, theirs] = [org, stranger].map(({ keys }) => keys[0]!);
    const keys = [{ ...ours!, publicArmored: theirs!.publicArmored }, ...org.keys.slice(1)];

    await expect(verified(await createRoot(terms, keys, stranger.keyring))).rejects.toMatchObject(
      refusal(`key ${ours!.fingerprint} is another key`),
    );
  });
});

describe('verifyRootChain', () => {
  it('walks from the pinned version to the last', async () => {
    const second = await rotate(['root', 'release']);
    const keys = await rotateKeys(second.keys, ['root']);
    const next = openKeyring(keys, testMaster);
    const document = parseRoot(bodyOf(second.root));
    const third = await rotateRoot(document, terms, keys, { previous: second.next, next });

    const last = await verifyRootChain(trusted, [second.root, third].map(bytesOf), now);

    expect(last.version).toBe(3);
    await expect(verifyRootChain(trusted, [bytesOf(third)], now)).rejects.toMatchObject(
      refusal('root version 3 does not follow version 1'),
    );
  });

  it('answers the pinned root where nothing is newer', async () => {
    expect(await verifyRootChain(trusted, [], now)).toEqual(trusted);
  });

  it('passes over a version that has expired, and refuses it as the last', async () => {
    const keyrings = { previous: org.keyring, next: org.keyring };
    const expired = { ...terms, expiresAt: '2026-12-01T00:00:00Z' };
    const second = await rotateRoot(trusted, expired, org.keys, keyrings);
    const third = await rotateRoot(parseRoot(bodyOf(second)), terms, org.keys, keyrings);

    const last = await verifyRootChain(trusted, [second, third].map(bytesOf), now);

    expect(last.version).toBe(3);
    await expect(verifyRootChain(trusted, [bytesOf(second)], now)).rejects.toMatchObject(
      refusal('root version 2 expired at 2026-12-01T00:00:00Z'),
    );
  });

  it('refuses a pinned root that has expired meanwhile', async () => {
    const later = Date.parse('2028-01-01T00:00:00Z');

    await expect(verifyRootChain(trusted, [], later)).rejects.toMatchObject(refusal('expired'));
  });
});

describe('parseRoot', () => {
  const root = () => JSON.parse(first.body) as Record<string, unknown>;
  const role = (change: object) => ({ roles: { ...trusted.roles, root: change } });
  const id = () => trusted.roles.root.keyids[0]!;

  it.each([
    ['_type is not "root"', () => ({ _type: 'index' })],
    ['org is missing', () => ({ org: '' })],
    ['orgUid is missing', () => ({ orgUid: undefined })],
    ['issuedAt is no RFC 3339 time', () => ({ issuedAt: 'soon' })],
    ['expiresAt is no RFC 3339 time', () => ({ expiresAt: 5 })],
    ['version is no whole number from 1', () => ({ version: 0 })],
    ['custody is unknown', () => ({ custody: 'cloud' })],
    ['keys is missing', () => ({ keys: [] })],
    ['roles is missing', () => ({ roles: null })],
    ['roles.root is missing', () => role([])],
    ['roles.root has a bad key id', () => role({ keyids: ['ab'], threshold: 1 })],
    ['roles.root names a key twice', () => role({ keyids: [id(), id()], threshold: 2 })],
    ['roles.root has a bad threshold', () => role({ keyids: [id()], threshold: 0 })],
    ['roles.root has a bad threshold', () => role({ keyids: [id()], threshold: 2 })],
    ['roles.root has a bad threshold', () => role({ keyids: [id()], threshold: 0.5 })],
    ['roles.root has a bad threshold', () => role({ keyids: [], threshold: 1 })],
    [`is missing`, () => role({ keyids: ['A'.repeat(40)], threshold: 1 })],
  ])('refuses a document of which %s', (message, change) => {
    const body = Buffer.from(JSON.stringify({ ...root(), ...change() }));

    expect(() => parseRoot(body)).toThrow(message);
  });

  it.each(['', '{', '[]', 'null', '\xff'])('refuses %j', (text) => {
    expect(() => parseRoot(Buffer.from(text, 'latin1'))).toThrow(
      expect.objectContaining({ code: 'SIGN_INVALID' }),
    );
  });
});
