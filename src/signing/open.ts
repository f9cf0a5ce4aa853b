import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type DecryptMessageResult,
  decrypt,
  enums,
  type PublicKey,
  readMessage,
  readPrivateKey,
} from 'openpgp';
import { WaymarkError } from '../model/errors.ts';
import { invalid, readPinned } from './verify.ts';
import { toWebStream } from './web-stream.ts';

export interface SealedSource {
  /** A file's path or a stream. */
  source: string | Readable;
  privateKeyArmored: string;
  /** The armored keys of the release role. */
  pinnedKeys: readonly string[];
  destination: string;
  /** Largest plaintext, in bytes. */
  limitBytes: number;
}

/**
 * Decrypts to a temporary file beside `destination`, renamed only after the
 * integrity packet and exactly one signature by a pinned key were checked: gpg
 * and OpenPGP.js both decrypt a forged, unsigned body without complaint.
 * Memory does not grow with the bundle.
 *
 * @returns the plaintext's size in bytes and the signer's primary fingerprint
 * @throws {WaymarkError} `SIGN_INVALID` (not signed as it must be),
 *   `SIGN_SEALED_CORRUPT` (not readable, altered, cut off or too large)
 */
export async function openSealed(request: SealedSource): Promise<{ size: number; signer: string }> {
  const pinned = await readPinned(request.pinnedKeys);
  const source =
    typeof request.source === 'string' ? createReadStream(request.source) : request.source;
  const temporary = `${request.destination}.${randomUUID()}.part`;
  try {
    const { data, signatures } = await startDecrypting(source, request, [...pinned.values()]);
    const signature = onlyOne(signatures);
    const size = await writePlain(data, temporary, request.limitBytes);
    const signer = await checkSigner(signature, pinned);
    await rename(temporary, request.destination);
    return { size, signer };
  } finally {
    source.destroy();
    await rm(temporary, { force: true });
  }
}

async function startDecrypting(
  source: Readable,
  { privateKeyArmored, limitBytes }: SealedSource,
  verificationKeys: PublicKey[],
) {
  const decryptionKeys = await readPrivateKey({ armoredKey: privateKeyArmored });
  try {
    const message = await readMessage({
      binaryMessage: toWebStream(source[Symbol.asyncIterator]()),
    });
    return await decrypt({
      message,
      decryptionKeys,
      verificationKeys,
      format: 'binary',
      // Handed out before the integrity packet was read, which is why it goes to a temporary file.
      config: { allowUnauthenticatedStream: true, maxDecompressedMessageSize: limitBytes },
    });
  } catch (cause) {
    throw corrupt('it cannot be decrypted with this key', cause);
  }
}

type FoundSignature = DecryptMessageResult['signatures'][number];

function onlyOne(signatures: readonly FoundSignature[]): FoundSignature {
  const [signature, ...others] = signatures;
  if (!signature) throw invalid('the bundle is not signed');
  // A second one is no use to an honest sender; which one counts would be a matter of taste.
  if (others.length > 0) throw invalid(`the bundle has ${signatures.length} signatures, not one`);
  return signature;
}

/** Resolves once the integrity packet was found good: OpenPGP.js ends the stream with an error otherwise. */
async function writePlain(
  data: AsyncIterable<Uint8Array>,
  path: string,
  limitBytes: number,
): Promise<number> {
  let size = 0;
  async function* measured() {
    for await (const chunk of data) {
      size += chunk.length;
      if (size > limitBytes) throw corrupt(`it holds more than the ${limitBytes} bytes allowed`);
      yield chunk;
    }
  }
  const explained = explainErrors(measured());
  await pipeline(explained, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  return size;
}

/** Only what reading throws: a full disk is no fault of the bundle. */
async function* explainErrors(chunks: AsyncIterable<Uint8Array>) {
  try {
    yield* chunks;
  } catch (cause) {
    throw cause instanceof WaymarkError ? cause : corrupt('it was altered or cut off', cause);
  }
}

async function checkSigner(
  { keyID, signature, verified }: FoundSignature,
  pinned: ReadonlyMap<string, PublicKey>,
): Promise<string> {
  const signer = [...pinned].find(([, key]) => key.getKeys(keyID).length > 0)?.[0];
  if (signer === undefined) {
    throw invalid(`the bundle is signed by ${keyID.toHex().toUpperCase()}, which is not trusted`);
  }
  await verified.catch((cause: unknown) => {
    throw invalid("the bundle's signature does not match its content", cause);
  });
  const [packet] = (await signature).packets;
  if (packet?.signatureType !== enums.signature.binary) {
    throw invalid("the bundle's signature is not one over bytes");
  }
  return signer;
}

const corrupt = (reason: string, cause?: unknown): WaymarkError =>
  new WaymarkError('SIGN_SEALED_CORRUPT', `the bundle is refused: ${reason}`, {}, { cause });
