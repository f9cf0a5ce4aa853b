import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { createMessage, encrypt } from 'openpgp';
import { COMPATIBLE } from './openpgp-config.ts';
import { type Keyring, signingTime } from './org-keys.ts';

export interface Sealed {
  /** AES-256. Secret: whoever has it reads the body. */
  sessionKey: Uint8Array;
  /** SHA-256 hex of the body's bytes. */
  bodyDigest: string;
  /** Bytes. */
  size: number;
}

/**
 * Signs with the release key, then encrypts, once for all recipients: the body
 * lacks only a recipient's session-key packet in front. Memory does not grow
 * with the stream; `write` takes the body's bytes in order and is awaited, so
 * that a slow disk slows the sealing.
 *
 * @see docs/spec/delivery.md, "Bundle"
 */
export async function sealBody(request: {
  plain: AsyncIterable<Uint8Array>;
  keyring: Keyring;
  write(chunk: Uint8Array): void | Promise<void>;
  /** Stated in the signature; default: the key's creation. */
  at?: Date;
}): Promise<Sealed> {
  const sessionKey = randomBytes(32);
  const body = await openBody(request, sessionKey);

  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    size += chunk.length;
    await request.write(chunk);
  }
  return { sessionKey, bodyDigest: hash.digest('hex'), size };
}

async function openBody(
  { plain, keyring, at }: { plain: AsyncIterable<Uint8Array>; keyring: Keyring; at?: Date },
  sessionKey: Uint8Array,
) {
  const signer = await keyring.privateKey('release');
  const date = signingTime(signer, at);
  const binary = Readable.toWeb(Readable.from(plain, { objectMode: false }));
  return encrypt({
    message: await createMessage({ binary, date }),
    sessionKey: { data: sessionKey, algorithm: 'aes256' },
    signingKeys: signer,
    date,
    format: 'binary',
    config: COMPATIBLE,
  });
}
