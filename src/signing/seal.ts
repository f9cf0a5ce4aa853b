import { createHash, randomBytes } from 'node:crypto';
import { createMessage, encrypt } from 'openpgp';
import { COMPATIBLE } from './openpgp-config.ts';
import { type Keyring, signingTime } from './org-keys.ts';
import { toWebStream } from './web-stream.ts';

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
  const source = request.plain[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of await openBody(source, request, sessionKey)) {
      hash.update(chunk);
      size += chunk.length;
      await request.write(chunk);
    }
  } finally {
    // OpenPGP.js does not pass a failed write on: the source would stay open.
    await source.return?.();
  }
  return { sessionKey, bodyDigest: hash.digest('hex'), size };
}

async function openBody(
  source: AsyncIterator<Uint8Array>,
  { keyring, at }: { keyring: Keyring; at?: Date },
  sessionKey: Uint8Array,
) {
  const signer = await keyring.privateKey('release');
  const date = signingTime(signer, at);
  return encrypt({
    message: await createMessage({ binary: toWebStream(source), date }),
    sessionKey: { data: sessionKey, algorithm: 'aes256' },
    signingKeys: signer,
    date,
    format: 'binary',
    config: COMPATIBLE,
  });
}
