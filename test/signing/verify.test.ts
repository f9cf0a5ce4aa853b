import {
  createMessage,
  generateKey,
  type PrivateKey,
  readKey,
  readPrivateKey,
  revokeKey,
  sign,
} from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyDetached } from '../../src/signing/verify.ts';
import { makeOrgKeys, type TestOrg } from '../support/org-keys.ts';

const body = Buffer.from('line one\nline two\n');
let org: TestOrg;
let other: TestOrg;
let signature: Uint8Array;

beforeAll(async () => {
  [org, other] = await Promise.all([makeOrgKeys(), makeOrgKeys()]);
  signature = await org.keyring.sign('release', body);
});

const keyOf = (of: TestOrg) => of.keyring.publicKey('release');
const refusal = (message: string) => ({
  code: 'SIGN_INVALID',
  message: expect.stringContaining(message) as string,
});

describe('verifyDetached', () => {
  it('answers who signed', async () => {
    const signers = await verifyDetached({ body, signature, keys: [keyOf(other), keyOf(org)] });

    expect(signers).toEqual([org.keyring.fingerprint('release')]);
  });

  it('refuses a body of which one bit was altered', async () => {
    const altered = Buffer.from(body);
    altered[3]! ^= 1;

    await expect(verifyDetached({ body: altered, signature, keys: [keyOf(org)] })).rejects.toEqual(
      expect.objectContaining(refusal('none of the 1 trusted keys signed these bytes')),
    );
  });

  it('refuses a signature by a key that is not pinned', async () => {
    await expect(verifyDetached({ body, signature, keys: [keyOf(other)] })).rejects.toMatchObject(
      refusal('none of the 1 trusted keys'),
    );
  });

  it('refuses when no key is pinned at all', async () => {
    await expect(verifyDetached({ body, signature, keys: [], threshold: 0 })).rejects.toMatchObject(
      refusal('none of the 0 trusted keys'),
    );
  });

  it('refuses a signature whose issuer was rewritten to a pinned key', async () => {
    const forged = Buffer.from(await other.keyring.sign('release', body));
    const [theirs, ours] = [other, org].map((of) =>
      Buffer.from(of.keyring.fingerprint('release'), 'hex'),
    );
    // Both hints, the fingerprint's and the key id's, at every place they stand.
    for (const length of [20, 8]) {
      const at = forged.indexOf(theirs!.subarray(20 - length));
      ours!.subarray(20 - length).copy(forged, at);
    }

    await expect(
      verifyDetached({ body, signature: forged, keys: [keyOf(org)] }),
    ).rejects.toMatchObject(refusal('none of the 1 trusted keys'));
  });

  it.each(['', 'no signature', '\x00\x01'])('refuses %j as no signature', async (text) => {
    await expect(
      verifyDetached({ body, signature: Buffer.from(text), keys: [keyOf(org)] }),
    ).rejects.toMatchObject({ code: 'SIGN_INVALID' });
  });

  it('refuses a text signature, which covers other bytes', async () => {
    const signingKeys = await org.keyring.privateKey('release');
    const text = await sign({
      message: await createMessage({ text: body.toString() }),
      signingKeys,
      detached: true,
      format: 'binary',
    });

    await expect(
      verifyDetached({ body, signature: text, keys: [keyOf(org)] }),
    ).rejects.toMatchObject(refusal('none of the 1'));
  });

  it('refuses more signatures than an honest document has', async () => {
    const many = Buffer.concat(Array.from({ length: 17 }, () => signature));

    await expect(
      verifyDetached({ body, signature: many, keys: [keyOf(org)] }),
    ).rejects.toMatchObject(refusal('17 signatures are more than the 16 allowed'));
  });

  it('reads the signature whatever the time on this machine', async () => {
    const future = await makeOrgKeys({ at: '2099-01-01T00:00:00Z' });
    const early = await future.keyring.sign('release', body);

    const signers = await verifyDetached({ body, signature: early, keys: [keyOf(future)] });

    expect(signers).toHaveLength(1);
  });

  it('refuses a key that was revoked', async () => {
    const key = (await org.keyring.privateKey('release')) as PrivateKey;
    const { publicKey } = await revokeKey({ key, format: 'armored' });

    await expect(verifyDetached({ body, signature, keys: [publicKey] })).rejects.toMatchObject(
      refusal('none of the 1'),
    );
  });
});

describe('verifyDetached with a threshold', () => {
  it('is met by two distinct keys', async () => {
    const both = Buffer.concat([signature, await other.keyring.sign('release', body)]);
    const keys = [keyOf(org), keyOf(other)];

    expect(await verifyDetached({ body, signature: both, keys, threshold: 2 })).toHaveLength(2);
  });

  it('counts a key that signed twice once', async () => {
    const later = await org.keyring.sign('release', body, new Date());
    const twice = Buffer.concat([signature, later]);
    const keys = [keyOf(org), keyOf(other)];

    await expect(
      verifyDetached({ body, signature: twice, keys, threshold: 2 }),
    ).rejects.toMatchObject(refusal('1 of the trusted keys signed these bytes, and 2 must'));
  });

  it('counts a key that is pinned twice once', async () => {
    const keys = [keyOf(org), keyOf(org)];

    await expect(verifyDetached({ body, signature, keys, threshold: 2 })).rejects.toMatchObject(
      refusal('1 of the trusted keys'),
    );
  });

  it('counts two subkeys of one primary key once', async () => {
    const { privateKey, publicKey } = await generateKey({
      userIDs: { name: 'two subkeys' },
      type: 'ecc',
      curve: 'curve25519Legacy',
      subkeys: [{ sign: true }],
      format: 'armored',
    });
    const signingKeys = await readPrivateKey({ armoredKey: privateKey });
    const signingKeyIDs = [signingKeys.subkeys[0]!.getKeyID(), signingKeys.getKeyID()];
    const signatures = await Promise.all(
      signingKeyIDs.map(async (id) =>
        sign({
          message: await createMessage({ binary: body }),
          signingKeys,
          signingKeyIDs: id,
          detached: true,
          format: 'binary',
        }),
      ),
    );
    const both = Buffer.concat(signatures);

    const signers = await verifyDetached({ body, signature: both, keys: [publicKey] });
    const fingerprint = (await readKey({ armoredKey: publicKey })).getFingerprint().toUpperCase();
    expect(signers).toEqual([fingerprint]);
    await expect(
      verifyDetached({ body, signature: both, keys: [publicKey], threshold: 2 }),
    ).rejects.toMatchObject(refusal('1 of the trusted keys'));
  });
});
