import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readKey, readSignature } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMasterKey } from '../../src/signing/master-key.ts';
import { armorSignature, generateOrgKeys, openKeyring } from '../../src/signing/org-keys.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { MADE_AT, makeOrgKeys, type TestOrg, testMaster } from '../support/org-keys.ts';

const bytes = Buffer.from('{"org":"acme"}');
let org: TestOrg;
let gpg: Gpg;

beforeAll(async () => {
  org = await makeOrgKeys();
  gpg = await openGpg();
});
afterAll(() => gpg.close());

describe('generateOrgKeys', () => {
  it('makes one key a role, as of the given time', () => {
    expect(org.keys.map(({ role }) => role)).toEqual(['root', 'release', 'index']);
    for (const key of org.keys) {
      expect(key).toMatchObject({ org: 'acme', createdAt: MADE_AT, retiredAt: null });
      expect(key.fingerprint).toMatch(/^[0-9A-F]{40}$/);
    }
    expect(new Set(org.keys.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  });

  it('makes v4 keys in the forms that gpg 2.2 reads', async () => {
    const key = await readKey({ armoredKey: org.releaseKey });

    expect(key.keyPacket.version).toBe(4);
    expect(key.getAlgorithmInfo()).toMatchObject({ curve: 'ed25519Legacy' });
    expect(key.subkeys[0]?.getAlgorithmInfo()).toMatchObject({ curve: 'curve25519Legacy' });
    expect(key.getCreationTime().toISOString()).toBe(MADE_AT);
    expect(key.getUserIDs()).toEqual(['Waymark acme (release)']);
  });

  it('makes only the roles asked for', async () => {
    const keys = await generateOrgKeys({ org: 'a', at: MADE_AT, roles: ['index'] }, testMaster);

    expect(keys.map(({ role }) => role)).toEqual(['index']);
  });

  it('stores no private key in the clear', () => {
    const stored = JSON.stringify(org.keys);

    expect(stored).not.toContain('PRIVATE KEY');
    for (const { wrappedPrivate } of org.keys) {
      expect(Buffer.from(wrappedPrivate!, 'base64').toString('latin1')).not.toContain('PRIVATE');
    }
  });
});

describe('openKeyring', () => {
  it('signs with the key that is in use, not with a retired one', async () => {
    const old = { ...(await makeOrgKeys()).keys[1]!, retiredAt: MADE_AT };

    const keyring = openKeyring([old, ...org.keys, old], testMaster);

    expect(keyring.fingerprint('release')).toBe(org.keys[1]!.fingerprint);
    expect(keyring.publicKey('release')).toBe(org.keys[1]!.publicArmored);
  });

  it('names a role that has no key', () => {
    expect(() => openKeyring([], testMaster).fingerprint('index')).toThrow(
      'the org has no index key in use',
    );
  });

  it('names the root key that was taken off the server', async () => {
    const keys = org.keys.map((key) =>
      key.role === 'root' ? { ...key, wrappedPrivate: null } : key,
    );

    await expect(openKeyring(keys, testMaster).sign('root', bytes)).rejects.toMatchObject({
      code: 'SIGN_KEY_MISSING',
      message: expect.stringContaining('is not on this server') as string,
    });
  });

  it('opens nothing with another master key', async () => {
    const other = createMasterKey(new Uint8Array(32));

    await expect(openKeyring(org.keys, other).sign('release', bytes)).rejects.toMatchObject({
      code: 'SIGN_KEY_MISSING',
    });
  });

  it('does not take one org or role for another', async () => {
    const moved = org.keys.map((key) => ({ ...key, org: 'evil' }));

    await expect(openKeyring(moved, testMaster).sign('index', bytes)).rejects.toMatchObject({
      code: 'SIGN_KEY_MISSING',
    });
  });
});

describe('sign', () => {
  it('answers equal bytes for equal bytes', async () => {
    const again = openKeyring(org.keys, testMaster);

    expect(await again.sign('index', bytes)).toEqual(await org.keyring.sign('index', bytes));
  });

  it('is dated as told', async () => {
    const at = new Date('2027-01-01T00:00:00Z');

    const { packets } = await readSignature({
      binarySignature: await org.keyring.sign('index', bytes, at),
    });

    expect(packets[0]?.created).toEqual(at);
  });

  it('is never dated before its key, even where the clock went back', async () => {
    const at = new Date('2020-01-01T00:00:00Z');

    expect(await org.keyring.sign('index', bytes, at)).toEqual(
      await org.keyring.sign('index', bytes),
    );
  });

  it.each(['root', 'release', 'index'] as const)('is verified by gpg for %s', async (role) => {
    await gpg.importKey(org.keyring.publicKey(role));
    const files = ['body.sig', 'body.asc', 'body'].map((name) => path.join(gpg.home, name));
    const [binary, armored, body] = files as [string, string, string];
    const signature = await org.keyring.sign(role, bytes);
    await writeFile(body, bytes);
    await writeFile(binary, signature);
    await writeFile(armored, armorSignature(signature));

    for (const file of [binary, armored]) {
      const answer = await gpg.run(['--status-fd', '1', '--verify', file, body]);
      expect(answer.code, answer.stderr).toBe(0);
      expect(answer.stdout.toString()).toContain(`VALIDSIG ${org.keyring.fingerprint(role)}`);
    }
  });
});
