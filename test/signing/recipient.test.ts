import { randomBytes } from 'node:crypto';
import {
  config,
  enums,
  generateKey,
  PublicKeyEncryptedSessionKeyPacket,
  readMessage,
  readPrivateKey,
  revokeKey,
} from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkRecipientKey,
  generateClientKey,
  sessionKeyPacket,
} from '../../src/signing/recipient.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';

type KeyOptions = Parameters<typeof generateKey>[0];

let gpg: Gpg;
beforeAll(async () => {
  gpg = await openGpg();
});
afterAll(() => gpg.close());

const make = async (options: Partial<KeyOptions> = {}) =>
  generateKey({
    userIDs: { name: 'laptop' },
    type: 'ecc',
    curve: 'curve25519Legacy',
    ...options,
    format: 'armored',
  });

const refusal = (reason: string) => ({
  code: 'DELIVERY_KEY_REFUSED',
  message: expect.stringContaining(reason) as string,
});
const refused = (armored: string, reason: string) =>
  expect(checkRecipientKey(armored)).rejects.toMatchObject(refusal(reason));

describe('checkRecipientKey', () => {
  it.each(['cv25519', 'rsa2048'] as const)('takes a %s key that gpg made', async (algorithm) => {
    const armored = await gpg.makeKey(`taken-${algorithm}`, algorithm);

    const key = await checkRecipientKey(armored);

    const listed = await gpg.run(['--with-colons', '--with-subkey-fingerprint', '--list-keys']);
    expect(listed.stdout.toString()).toContain(key.fingerprint);
    expect(listed.stdout.toString()).toContain(key.subkey);
    expect(key.subkey).not.toBe(key.fingerprint);
  });

  it('takes the key that a client of ours makes', async () => {
    const { publicArmored, fingerprint } = await generateClientKey('laptop');

    expect(await checkRecipientKey(publicArmored)).toMatchObject({ fingerprint });
  });

  it('stores the key without what stands around it', async () => {
    const { publicArmored } = await generateClientKey('laptop');
    const decorated = `Hello,\n\n${publicArmored.replace('-----\n', '-----\nComment: hi\n')}\nbye`;

    const { armored } = await checkRecipientKey(decorated);

    expect(armored).not.toMatch(/Hello|Comment|bye/);
    expect((await checkRecipientKey(armored)).armored).toBe(armored);
  });

  it('refuses what is no key', async () => {
    await refused('ssh-ed25519 AAAA', 'no armored OpenPGP public key');
    await refused('', 'no armored OpenPGP public key');
    await refused('x'.repeat(65_537), 'longer than 65536 characters');
  });

  it('refuses a private key, and says that it is spoilt', async () => {
    await refused((await make()).privateKey, 'it is a private key, and now known to this server');
  });

  it('refuses several keys in one text', async () => {
    await gpg.makeKey('one', 'cv25519');
    await gpg.makeKey('two', 'cv25519');
    const both = await gpg.run(['--armor', '--export', 'one', 'two']);

    await refused(both.stdout.toString(), 'it holds 2 keys');
  });

  it('refuses a v6 key', async () => {
    const { publicKey } = await make({ type: 'curve25519', config: { v6Keys: true } });

    await refused(publicKey, 'it is a version 6 key, which gpg 2.2 does not read');
  });

  it('refuses the new algorithm ids in a v4 key', async () => {
    const { publicKey } = await make({ type: 'curve25519' });

    await refused(publicKey, 'its algorithm is ed25519, which gpg 2.2 does not read');
  });

  it('refuses an X25519 subkey under an older primary key', async () => {
    const { publicKey } = await make({ subkeys: [{ type: 'curve25519' }] });

    await refused(publicKey, 'its algorithm is x25519, which gpg 2.2 does not read');
  });

  it('refuses a key without a subkey to encrypt to', async () => {
    await refused((await make({ subkeys: [] })).publicKey, 'it has no subkey to encrypt to');
  });

  it('refuses an RSA key that is too short to be safe', async () => {
    const { publicKey } = await make({ type: 'rsa', rsaBits: 1024, config: { minRSABits: 1024 } });

    await refused(publicKey, 'RSA keys shorter than 2047 bits are considered too weak');
  });

  it('refuses an expired key', async () => {
    const date = new Date('2020-01-01');
    const { publicKey } = await make({ date, keyExpirationTime: 60 });

    await refused(publicKey, 'expired');
  });

  it('refuses a revoked key', async () => {
    const key = await readPrivateKey({ armoredKey: (await make()).privateKey });
    const { publicKey } = await revokeKey({ key, format: 'armored' });

    await refused(publicKey, 'revoked');
  });

  it('refuses a key whose only encryption subkey is revoked', async () => {
    const key = await readPrivateKey({ armoredKey: (await make()).privateKey });
    key.subkeys[0] = await key.subkeys[0]!.revoke(key.keyPacket as never);

    await refused(key.toPublic().armor(), 'it has no subkey to encrypt to');
  });

  it('refuses a key that asks for AEAD alone', async () => {
    const unsalted = { ...config, nonDeterministicSignaturesViaNotation: false };
    const { privateKey } = await make({ config: unsalted });
    const key = await readPrivateKey({ armoredKey: privateKey });
    const user = key.users[0]!;
    const certification = user.selfCertifications[0]!;
    certification.features = Uint8Array.of(8);
    certification.preferredAEADAlgorithms = [enums.aead.eax];
    // The declared type lacks the last argument, which is needed.
    const packet = certification as unknown as { sign(...all: unknown[]): Promise<void> };
    const signed = { userID: user.userID, key: key.keyPacket };
    await packet.sign(key.keyPacket, signed, new Date(), false, unsalted);

    await refused(key.toPublic().armor(), 'it asks for AEAD encryption only');
  });
});

describe('sessionKeyPacket', () => {
  const sessionKey = randomBytes(32);

  it('is one v3 packet of 96 bytes for cv25519', async () => {
    const armored = await gpg.makeKey('packet', 'cv25519');
    const { subkey } = await checkRecipientKey(armored);

    const bytes = await sessionKeyPacket(armored, sessionKey);

    expect(bytes).toHaveLength(96);
    const { packets } = await readMessage({ binaryMessage: bytes });
    expect(packets).toHaveLength(1);
    expect(packets[0]).toBeInstanceOf(PublicKeyEncryptedSessionKeyPacket);
    expect(packets[0]).toMatchObject({ version: 3 });
    expect(Buffer.from(bytes).toString('hex').toUpperCase()).toContain(subkey.slice(-16));
  });

  it('refuses a key that has expired since', async () => {
    const { publicKey } = await make({ keyExpirationTime: 3600 });
    const later = new Date(Date.now() + 2 * 3_600_000);

    await expect(sessionKeyPacket(publicKey, sessionKey)).resolves.toHaveLength(96);
    await expect(sessionKeyPacket(publicKey, sessionKey, later)).rejects.toMatchObject(
      refusal('expired'),
    );
  });
});
