import { encryptKey, generateKey, readPrivateKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { generateKeyPair } from '../../src/signing/org-keys.ts';
import { readOfflineRootKey, readRootPublicKey, signRootBody } from '../../src/signing/root-key.ts';
import { verifyDetached } from '../../src/signing/verify.ts';
import { openGpg } from '../support/gpg.ts';
import { MADE_AT } from '../support/org-keys.ts';

const refusal = (message: string) => ({
  code: 'SIGN_INVALID',
  message: expect.stringContaining(message) as string,
});
const makePair = () => generateKeyPair({ org: 'acme', role: 'root', at: MADE_AT });

async function lock(armoredKey: string): Promise<string> {
  const privateKey = await readPrivateKey({ armoredKey });
  return (await encryptKey({ privateKey, passphrase: 'sesame' })).armor();
}

describe('readOfflineRootKey', () => {
  it('reads what the server exports', async () => {
    const { privateArmored, fingerprint } = await makePair();

    expect((await readOfflineRootKey(privateArmored)).fingerprint).toBe(fingerprint);
  });

  it('refuses a public key, a locked one, and anything else', async () => {
    const { publicArmored, privateArmored } = await makePair();

    await expect(readOfflineRootKey(publicArmored)).rejects.toMatchObject(refusal('private key'));
    await expect(readOfflineRootKey('')).rejects.toMatchObject(refusal('private key'));
    await expect(readOfflineRootKey(await lock(privateArmored))).rejects.toMatchObject(
      refusal('locked by a passphrase'),
    );
  });
});

describe('signRootBody', () => {
  it('gives the signatures of all keys, each of which counts', async () => {
    const pairs = await Promise.all([makePair(), makePair()]);
    const keys = await Promise.all(pairs.map((pair) => readOfflineRootKey(pair.privateArmored)));

    const signature = await signRootBody('{}\n', keys);

    const request = { body: Buffer.from('{}\n'), signature, threshold: 2 };
    const pinned = pairs.map(({ publicArmored }) => publicArmored);
    expect((await verifyDetached({ ...request, keys: pinned })).sort()).toEqual(
      pairs.map(({ fingerprint }) => fingerprint).sort(),
    );
  });
});

describe('readRootPublicKey', () => {
  it('reads keys of this program and of gpg', async () => {
    const gpg = await openGpg();
    const { publicArmored, fingerprint } = await makePair();

    expect(await readRootPublicKey(publicArmored)).toMatchObject({
      fingerprint,
      createdAt: MADE_AT,
    });
    for (const algorithm of ['cv25519', 'rsa2048'] as const) {
      const made = await readRootPublicKey(await gpg.makeKey(`root ${algorithm}`, algorithm));
      expect(made.fingerprint).toMatch(/^[0-9A-F]{40}$/);
    }
    await gpg.close();
  });

  it('takes a key whose maker had a fast clock', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const { publicArmored, fingerprint } = await generateKeyPair({ org: 'acme', role: 'root', at });

    expect((await readRootPublicKey(publicArmored)).fingerprint).toBe(fingerprint);
  });

  it('refuses a private key, which would be published', async () => {
    const { privateArmored } = await makePair();

    await expect(readRootPublicKey(privateArmored)).rejects.toMatchObject(
      refusal('send its public part'),
    );
  });

  it('refuses what gpg 2.2 cannot read, what cannot sign, and what is no key', async () => {
    const { publicKey: v6 } = await generateKey({
      userIDs: { name: 'root' },
      type: 'curve25519',
      config: { v6Keys: true },
    });
    const gpg = await openGpg();
    const noSecret = ['--pinentry-mode', 'loopback', '--passphrase', ''];
    await gpg.run([...noSecret, '--quick-gen-key', 'mute', 'ed25519', 'cert', '0']);
    const mute = (await gpg.run(['--armor', '--export', 'mute'])).stdout.toString();
    await gpg.close();

    await expect(readRootPublicKey(v6)).rejects.toMatchObject(refusal('version 4'));
    await expect(readRootPublicKey(mute)).rejects.toMatchObject(refusal('cannot sign'));
    await expect(readRootPublicKey('x'.repeat(20_000))).rejects.toMatchObject(refusal('not one'));
  });
});
