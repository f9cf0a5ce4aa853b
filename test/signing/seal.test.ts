import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeyring } from '../../src/signing/org-keys.ts';
import { sessionKeyPacket } from '../../src/signing/recipient.ts';
import { sealBody } from '../../src/signing/seal.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { makeOrgKeys, seal, streamOf, type TestOrg, testMaster } from '../support/org-keys.ts';

let org: TestOrg;
let gpg: Gpg;

beforeAll(async () => {
  [org, gpg] = await Promise.all([makeOrgKeys(), openGpg()]);
  await gpg.importKey(org.releaseKey);
});
afterAll(() => gpg.close());

const decrypt = (bundle: Uint8Array) => gpg.run(['--status-fd', '2', '--decrypt'], bundle);

describe('sealBody', () => {
  it('answers the digest and the size of what it wrote', async () => {
    const { body, bodyDigest, size, sessionKey } = await seal(org, Buffer.from('hello'));

    expect(bodyDigest).toBe(createHash('sha256').update(body).digest('hex'));
    expect(size).toBe(body.length);
    expect(sessionKey).toHaveLength(32);
  });

  it('takes a new session key each time', async () => {
    const [one, two] = await Promise.all([
      seal(org, Buffer.from('x')),
      seal(org, Buffer.from('x')),
    ]);

    expect(one.sessionKey).not.toEqual(two.sessionKey);
    expect(one.bodyDigest).not.toBe(two.bodyDigest);
  });

  it.each(['cv25519', 'rsa2048'] as const)(
    'is decrypted and verified by gpg for a %s key',
    async (algorithm) => {
      const recipient = await gpg.makeKey(`reader-${algorithm}`, algorithm);
      const plain = randomBytes(300_000);
      const { body, sessionKey } = await seal(org, plain.subarray(0, 7), plain.subarray(7));

      const packet = await sessionKeyPacket(recipient, sessionKey);
      const { code, stdout, stderr } = await decrypt(Buffer.concat([packet, body]));

      expect(code, stderr).toBe(0);
      expect(stdout.equals(plain)).toBe(true);
      expect(stderr).toContain('DECRYPTION_OKAY');
      expect(stderr).toContain('GOODMDC');
      expect(stderr).toContain(`VALIDSIG ${org.keyring.fingerprint('release')}`);
    },
  );

  it('serves two recipients with one body', async () => {
    const recipients = [
      await gpg.makeKey('first', 'cv25519'),
      await gpg.makeKey('second', 'cv25519'),
    ];
    const { body, sessionKey } = await seal(org, Buffer.from('for both'));

    for (const recipient of recipients) {
      const packet = await sessionKeyPacket(recipient, sessionKey);
      const { stdout } = await decrypt(Buffer.concat([packet, body]));
      expect(stdout.toString()).toBe('for both');
    }
  });

  it('seals nothing at all as well', async () => {
    const recipient = await gpg.makeKey('empty', 'cv25519');
    const { body, sessionKey } = await seal(org);

    const packet = await sessionKeyPacket(recipient, sessionKey);
    const { code, stdout, stderr } = await decrypt(Buffer.concat([packet, body]));

    expect(code, stderr).toBe(0);
    expect(stdout).toHaveLength(0);
  });

  it('fails as its source fails', async () => {
    async function* broken() {
      yield randomBytes(100_000);
      throw new Error('disk gone');
    }

    await expect(
      sealBody({ plain: broken(), keyring: org.keyring, write: () => {} }),
    ).rejects.toThrow('disk gone');
  });

  it('fails as its destination fails, and lets go of the source', async () => {
    let isReleased = false;
    async function* endless() {
      try {
        for (;;) yield randomBytes(65_536);
      } finally {
        isReleased = true;
      }
    }
    const write = () => Promise.reject(new Error('disk full'));

    await expect(sealBody({ plain: endless(), keyring: org.keyring, write })).rejects.toThrow(
      'disk full',
    );
    await expect.poll(() => isReleased).toBe(true);
  });

  it('takes no more from its source than its destination takes', async () => {
    let taken = 0;
    const source = (function* () {
      for (let n = 0; n < 512; n++) {
        taken += 65_536;
        yield randomBytes(65_536);
      }
    })();
    let written = 0;
    let furthestAhead = 0;

    await sealBody({
      plain: streamOf(source),
      keyring: org.keyring,
      write: async (chunk) => {
        await new Promise(setImmediate);
        written += chunk.length;
        furthestAhead = Math.max(furthestAhead, taken - written);
      },
    });

    expect(written).toBeGreaterThan(32 * 1024 * 1024);
    expect(furthestAhead).toBeLessThan(2 * 1024 * 1024);
  });

  it('needs the release key on this server', async () => {
    const keys = org.keys.map((key) => ({ ...key, wrappedPrivate: null }));

    await expect(
      sealBody({ plain: streamOf([]), keyring: openKeyring(keys, testMaster), write: () => {} }),
    ).rejects.toMatchObject({ code: 'SIGN_KEY_MISSING' });
  });
});
