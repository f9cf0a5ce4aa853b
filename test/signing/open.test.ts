import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { createMessage, type Message, readSignature } from 'openpgp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSealed } from '../../src/signing/open.ts';
import { generateClientKey, sessionKeyPacket } from '../../src/signing/recipient.ts';
import { sealByHand, sealWithoutIntegrity } from '../support/forged-bundle.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { makeOrgKeys, seal, type TestOrg } from '../support/org-keys.ts';

const plain = Buffer.from('what the client may have');

let org: TestOrg;
let stranger: TestOrg;
let client: Awaited<ReturnType<typeof generateClientKey>>;
let gpg: Gpg;
let sealed: Awaited<ReturnType<typeof seal>>;
let packet: Uint8Array;
let folder: string;

beforeAll(async () => {
  [org, stranger, client, gpg] = await Promise.all([
    makeOrgKeys(),
    makeOrgKeys(),
    generateClientKey('laptop'),
    openGpg(),
  ]);
  sealed = await seal(org, plain);
  packet = await sessionKeyPacket(client.publicArmored, sealed.sessionKey);
});
afterAll(() => gpg.close());

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'open-'));
  return () => rm(folder, { recursive: true });
});

const open = (bundle: Uint8Array, change: Partial<Parameters<typeof openSealed>[0]> = {}) =>
  openSealed({
    source: Readable.from([bundle]),
    privateKeyArmored: client.privateArmored,
    pinnedKeys: [org.releaseKey],
    destination: path.join(folder, 'plain'),
    limitBytes: 1_000_000,
    ...change,
  });

/** The packets inside a genuine body of `content`, signed by the given keys. */
async function signed(
  signers: readonly TestOrg[],
  content: Uint8Array = plain,
): Promise<Message<Uint8Array>> {
  const signingKeys = await Promise.all(signers.map((of) => of.keyring.privateKey('release')));
  const message = await createMessage({ binary: content });
  return signingKeys.length === 0 ? message : message.sign(signingKeys);
}

const forged = (inner: Uint8Array) => Buffer.concat([packet, sealByHand(inner, sealed.sessionKey)]);
const forgedFrom = async (inner: Promise<Message<Uint8Array>>) =>
  forged((await inner).write() as Uint8Array);

const invalid = (reason: string) => ({
  code: 'SIGN_INVALID',
  message: expect.stringContaining(reason) as string,
});
const someRefusal = { code: expect.stringMatching(/^SIGN_/) as string };
const corrupt = { code: 'SIGN_SEALED_CORRUPT' };

/** The bundle is refused as stated, and nothing at all is left behind. */
async function refuses(bundle: Uint8Array, reason: object, change = {}): Promise<void> {
  await expect(open(bundle, change)).rejects.toMatchObject(reason);
  expect(await readdir(folder)).toEqual([]);
}

describe('openSealed', () => {
  it('writes what was sealed, and answers who signed', async () => {
    const answer = await open(Buffer.concat([packet, sealed.body]));

    expect(answer).toEqual({ size: plain.length, signer: org.keyring.fingerprint('release') });
    expect(await readdir(folder)).toEqual(['plain']);
    expect(await readFile(path.join(folder, 'plain'))).toEqual(plain);
    expect((await stat(path.join(folder, 'plain'))).mode & 0o777).toBe(0o600);
  });

  it('reads a file, and one of many chunks', async () => {
    const large = Buffer.alloc(300_000, 'x');
    const { sessionKey, body } = await seal(org, large);
    const front = await sessionKeyPacket(client.publicArmored, sessionKey);
    const source = path.join(folder, 'bundle');
    await writeFile(source, Buffer.concat([front, body]));

    await open(Buffer.of(), { source });

    expect((await readFile(path.join(folder, 'plain'))).equals(large)).toBe(true);
  });

  it('accepts any of the pinned keys, such as the one before a rotation', async () => {
    const pinnedKeys = [stranger.releaseKey, org.releaseKey];

    const { signer } = await open(Buffer.concat([packet, sealed.body]), { pinnedKeys });

    expect(signer).toBe(org.keyring.fingerprint('release'));
  });

  it('reads it however the bytes arrive', async () => {
    const bundle = Buffer.concat([packet, sealed.body]);
    const source = Readable.from(Array.from(bundle, (byte) => Buffer.of(byte)));

    expect(await open(Buffer.of(), { source })).toMatchObject({ size: plain.length });
  });

  it.each([0, 1, 511, 512, 65_536, 300_000])('opens %i bytes', async (length) => {
    const content = randomBytes(length);
    const { sessionKey, body } = await seal(org, content);

    await open(Buffer.concat([await sessionKeyPacket(client.publicArmored, sessionKey), body]));

    expect((await readFile(path.join(folder, 'plain'))).equals(content)).toBe(true);
  });

  it('opens what gpg signed and encrypted, uncompressed', async () => {
    const content = randomBytes(300_000);

    await open((await gpgSealed(content, ['-z', '0'])).stdout);

    expect((await readFile(path.join(folder, 'plain'))).equals(content)).toBe(true);
  });
});

async function gpgSealed(content: Uint8Array, options: readonly string[] = []) {
  await gpg.importKey(client.publicArmored);
  await gpg.importKey((await org.keyring.privateKey('release')).armor());
  const signer = org.keyring.fingerprint('release');
  const recipient = client.fingerprint;
  return gpg.run([...options, '--sign', '--encrypt', '-r', recipient, '-u', signer], content);
}

function alter(
  bytes: Buffer,
  { at, byte, cut }: { at: number; byte: number; cut: boolean },
): Buffer {
  const altered = Buffer.from(bytes);
  altered[at] = byte;
  return cut ? altered.subarray(0, at) : altered;
}

describe('openSealed refuses', () => {
  it('an unsigned body, which gpg decrypts with exit 0', async () => {
    const bundle = await forgedFrom(signed([]));
    await gpg.importKey(client.privateArmored);

    expect((await gpg.run(['--decrypt'], bundle)).code).toBe(0);
    await refuses(bundle, invalid('the bundle is not signed'));
  });

  it('a body signed by a key that is not pinned', async () => {
    await refuses(
      await forgedFrom(signed([stranger])),
      invalid('none of the trusted keys signed this content'),
    );
  });

  it('a body signed by a key of ours that is not of the release role', async () => {
    const message = await createMessage({ binary: plain });
    const index = await message.sign([await org.keyring.privateKey('index')]);

    await refuses(
      forged(index.write() as Uint8Array),
      invalid('none of the trusted keys signed this content'),
    );
  });

  it('two signatures, even where one or both are by a pinned key', async () => {
    const reason = invalid('the bundle has more than one signature');

    await refuses(await forgedFrom(signed([org, stranger])), reason);
    await refuses(await forgedFrom(signed([stranger, org])), reason);
    await refuses(await forgedFrom(signed([org, org])), reason);
  });

  it('a signature packet that was added behind', async () => {
    const message = await signed([org]);
    const extra = await readSignature({
      binarySignature: await stranger.keyring.sign('release', plain),
    });
    message.packets.push(extra.packets[0]!);

    await refuses(
      forged(message.write() as Uint8Array),
      invalid('the bundle has more than one signature'),
    );
  });

  it('a signature that was moved to other content', async () => {
    const [genuine, other] = await Promise.all([signed([org]), signed([org], Buffer.from('evil'))]);
    genuine.packets[1] = other.packets[1]!;

    await refuses(
      forged(genuine.write() as Uint8Array),
      invalid('none of the trusted keys signed this content'),
    );
  });

  it('a stranger who writes a pinned key id into the signature', async () => {
    const inner = Buffer.from((await signed([stranger])).write() as Uint8Array);
    const [theirs, ours] = [stranger, org].map((of) =>
      Buffer.from(of.keyring.fingerprint('release'), 'hex').subarray(12),
    );
    for (let at = inner.indexOf(theirs!); at >= 0; at = inner.indexOf(theirs!)) {
      ours!.copy(inner, at);
    }

    await refuses(forged(inner), invalid('none of the trusted keys signed this content'));
  });

  it('a signature over text, which covers other bytes', async () => {
    const message = await createMessage({ text: 'line\n' });
    const text = await message.sign([await org.keyring.privateKey('release')]);

    await refuses(
      forged(text.write() as Uint8Array),
      invalid('none of the trusted keys signed this content'),
    );
  });

  it.each(['missing', 'wrong'] as const)('a %s integrity packet', async (integrity) => {
    const inner = (await signed([org])).write() as Uint8Array;
    const body = sealByHand(inner, sealed.sessionKey, integrity);

    await refuses(Buffer.concat([packet, body]), corrupt);
  });

  it('the old form that has no integrity packet', async () => {
    const inner = (await signed([org])).write() as Uint8Array;
    const body = sealWithoutIntegrity(inner, sealed.sessionKey);

    await refuses(Buffer.concat([packet, body]), corrupt);
  });

  it('a body that was swapped for another', async () => {
    const other = await seal(org, Buffer.from('another'));

    await refuses(Buffer.concat([packet, other.body]), corrupt);
  });

  it('a bundle for another client', async () => {
    const { privateArmored } = await generateClientKey('other');

    await refuses(Buffer.concat([packet, sealed.body]), corrupt, {
      privateKeyArmored: privateArmored,
    });
  });

  it('content that is signed and not encrypted', async () => {
    await refuses((await signed([org])).write() as Uint8Array, corrupt);
  });

  it.each(['', 'hello', '{"error": "not found"}'])('%j', async (text) => {
    await refuses(Buffer.from(text), corrupt);
  });

  it('a bundle that was cut off anywhere', async () => {
    const bundle = Buffer.concat([packet, sealed.body]);

    for (let length = 1; length < bundle.length; length += 5) {
      await refuses(bundle.subarray(0, length), corrupt);
    }
    await refuses(bundle.subarray(0, -1), corrupt);
  });

  it('a bundle of which any byte was altered', async () => {
    const bundle = Buffer.concat([packet, sealed.body]);
    // Counts the bits of the packet's first number, of which only the count of bytes is used.
    const bitCount = 13;

    for (let at = 0; at < bundle.length; at++) {
      const altered = Buffer.from(bundle);
      altered[at]! ^= 1;
      if (at !== bitCount) await refuses(altered, someRefusal);
    }
  });

  it('more bytes than allowed', async () => {
    await refuses(
      Buffer.concat([packet, sealed.body]),
      { ...corrupt, message: expect.stringContaining('more than the 23 bytes') as string },
      { limitBytes: plain.length - 1 },
    );
  });

  it('compressed content, of which a few bytes can unpack to any number', async () => {
    const { stdout } = await gpgSealed(Buffer.alloc(5_000_000), ['--compress-algo', 'zip']);

    expect(stdout.length).toBeLessThan(20_000);
    await refuses(stdout, corrupt);
  });

  it('anything behind the bundle', async () => {
    const bundle = Buffer.concat([packet, sealed.body]);

    await refuses(Buffer.concat([bundle, Buffer.of(0)]), corrupt);
    await refuses(Buffer.concat([bundle, bundle]), corrupt);
  });

  it('a session-key packet that never ends', async () => {
    const header = Buffer.of(0xc1, 0xff, 0xff, 0xff, 0xff, 0xff);

    await refuses(Buffer.concat([header, Buffer.alloc(1_000_000)]), {
      ...corrupt,
      message: expect.stringContaining('a packet that is too large') as string,
    });
  });

  it('a packet of unknown length', async () => {
    await refuses(Buffer.concat([packet, Buffer.of(0x8f), sealed.body]), corrupt);
  });

  it('whatever else a holder of the session key puts inside, without waiting for ever', async () => {
    const genuine = Buffer.from((await signed([org])).write() as Uint8Array);
    const change = fc.record({
      at: fc.nat(genuine.length - 1),
      byte: fc.nat(255),
      cut: fc.boolean(),
    });

    await fc.assert(
      fc.asyncProperty(fc.oneof(change, fc.uint8Array()), async (made) => {
        const inner = made instanceof Uint8Array ? made : alter(genuine, made);
        fc.pre(!genuine.equals(inner));
        const [written] = await Promise.allSettled([open(forged(inner))]);

        // A file name or a date in front of the content is nothing that is used.
        if (written.status === 'fulfilled') {
          expect(await readFile(path.join(folder, 'plain'))).toEqual(plain);
        } else {
          expect(written.reason).toMatchObject(someRefusal);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('nothing less because an older install is there', async () => {
    const destination = path.join(folder, 'plain');
    await writeFile(destination, 'older');

    await expect(open(await forgedFrom(signed([])))).rejects.toMatchObject({
      code: 'SIGN_INVALID',
    });

    expect(await readdir(folder)).toEqual(['plain']);
    expect(await readFile(destination, 'utf8')).toBe('older');
  });

  it('a source that fails half way', async () => {
    async function* broken() {
      yield packet;
      yield sealed.body.subarray(0, 100);
      throw new Error('connection reset');
    }

    await refuses(Buffer.of(), corrupt, { source: Readable.from(broken()) });
    await refuses(Buffer.of(), corrupt, { source: path.join(folder, 'none') });
  });
});

describe('sealBody and openSealed', () => {
  it('hold no more memory for 64 MiB than for 16', async () => {
    const script = path.join(import.meta.dirname, 'flat-memory.ts');

    const { stdout } = await promisify(execFile)(process.execPath, [script]);

    const { small, large } = JSON.parse(stdout) as Record<string, Record<string, number>>;
    expect(large!['size']).toBe(64 * 1024 * 1024);
    // Held whole, the larger would take at least 48 MiB more.
    expect(large!['seal']! - small!['seal']!).toBeLessThan(32);
    expect(large!['open']! - small!['open']!).toBeLessThan(32);
  });
});
