import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decryptSessionKeys, enums, readMessage, readPrivateKey } from 'openpgp';
import { WaymarkError } from '../model/errors.ts';
import { decryptBody } from './decrypt-body.ts';
import {
  type ByteReader,
  nextPacket,
  type Packet,
  PacketError,
  readBytes,
  readSmall,
} from './packet-reader.ts';
import { invalid, verifyFile } from './verify.ts';

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

/** Session-key, one-pass and signature packets: the largest real ones have about 1 KiB. */
const MOST_PACKET_BYTES = 8192;

/**
 * Decrypts to a temporary file beside `destination`, renamed only after the
 * integrity packet and exactly one signature by a pinned key were checked: gpg
 * decrypts a forged, unsigned body without complaint. Memory does not grow with
 * the bundle.
 *
 * Read here packet by packet, since only one form is right: given a body that
 * was tampered with, OpenPGP.js 6.3 waits forever in its streaming mode.
 *
 * @returns the plaintext's size in bytes and the signer's primary fingerprint
 * @throws {WaymarkError} `SIGN_INVALID` (not signed as it must be),
 *   `SIGN_SEALED_CORRUPT` (not readable, altered, cut off or too large)
 */
export async function openSealed(request: SealedSource): Promise<{ size: number; signer: string }> {
  const { destination, pinnedKeys } = request;
  const source =
    typeof request.source === 'string' ? createReadStream(request.source) : request.source;
  const temporary = `${destination}.${randomUUID()}.part`;
  try {
    const { size, signature } = await writeContent(source, temporary, request);
    const signer = await verifyFile({ path: temporary, signature, keys: pinnedKeys });
    await rename(temporary, destination);
    return { size, signer };
  } finally {
    source.destroy();
    await rm(temporary, { force: true });
  }
}

/** Writes what is inside, unverified but for the integrity packet; answers its one signature. */
async function writeContent(
  source: AsyncIterable<Uint8Array>,
  path: string,
  request: SealedSource,
): Promise<{ size: number; signature: Buffer }> {
  const bundle = readBytes(explainFailure(source));
  try {
    const sessionKey = await readSessionKey(bundle, request.privateKeyArmored);
    const sealed = await expectPacket(bundle, enums.packet.symEncryptedIntegrityProtectedData);
    const inner = readBytes(decryptBody(sealed.body, sessionKey));

    await readOnePass(inner);
    const size = await writeLiteral(inner, path, request.limitBytes);
    const signature = await readOnlySignature(inner);
    if (!(await bundle.isAtEnd())) throw new PacketError('has something behind its end');
    return { size, signature };
  } catch (error) {
    throw error instanceof PacketError ? corrupt(error.message, error) : error;
  }
}

async function* explainFailure(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    throw corrupt('could not be read to its end', cause);
  }
}

async function readSessionKey(bundle: ByteReader, armoredKey: string): Promise<Uint8Array> {
  const { body } = await expectPacket(bundle, enums.packet.publicKeyEncryptedSessionKey);
  const packet = await readSmall(body, MOST_PACKET_BYTES);
  const decryptionKeys = await readPrivateKey({ armoredKey });
  try {
    const binaryMessage = framed(enums.packet.publicKeyEncryptedSessionKey, packet);
    const message = await readMessage({ binaryMessage });
    const [key] = await decryptSessionKeys({ message, decryptionKeys });
    if (key?.algorithm === 'aes256') return key.data;
  } catch (cause) {
    throw corrupt('is not encrypted to this key', cause);
  }
  throw new PacketError('is encrypted in a form that is not used here');
}

/** The packet with a header of its own, for OpenPGP.js to read. */
function framed(tag: enums.packet, body: Uint8Array): Buffer {
  const header = Buffer.of(0xc0 | tag, 0xff, 0, 0, 0, 0);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

async function readOnePass(inner: ByteReader): Promise<void> {
  const { tag, body } = await nextPacket(inner);
  if (tag === enums.packet.literalData) throw invalid('the bundle is not signed');
  if (tag !== enums.packet.onePassSignature) throw misplaced(tag);
  // It announces the signature that follows, which says the same and is checked.
  await readSmall(body, MOST_PACKET_BYTES);
}

async function writeLiteral(inner: ByteReader, path: string, limitBytes: number): Promise<number> {
  const literal = await expectPacket(inner, enums.packet.literalData, misplacedInside);
  const content = readBytes(literal.body);
  const [, nameLength = 0] = await content.take(2);
  const dateBytes = 4;
  await content.take(nameLength + dateBytes);

  let size = 0;
  async function* measured() {
    while (!(await content.isAtEnd())) {
      const part = await content.takeSome(65_536);
      size += part.length;
      if (size > limitBytes) throw corrupt(`holds more than the ${limitBytes} bytes allowed`);
      yield part;
    }
  }
  // Opened here: a stream that is given up while it opens makes the file after its removal.
  const file = await open(path, 'wx', 0o600);
  await pipeline(measured(), file.createWriteStream());
  return size;
}

/** Nothing may stand behind it. Looking there also has the integrity packet checked. */
async function readOnlySignature(inner: ByteReader): Promise<Buffer> {
  const { body } = await expectPacket(inner, enums.packet.signature);
  const signature = framed(enums.packet.signature, await readSmall(body, MOST_PACKET_BYTES));
  if (await inner.isAtEnd()) return signature;
  throw misplacedInside((await nextPacket(inner)).tag);
}

async function expectPacket(
  reader: ByteReader,
  expected: enums.packet,
  fault: (tag: number) => Error = misplaced,
): Promise<Packet> {
  const packet = await nextPacket(reader);
  if (packet.tag !== expected) throw fault(packet.tag);
  return packet;
}

const SIGNATURE_TAGS = new Set<number>([enums.packet.onePassSignature, enums.packet.signature]);

function misplacedInside(tag: number): Error {
  // A second one is no use to an honest sender; which one counts would be a matter of taste.
  if (SIGNATURE_TAGS.has(tag)) return invalid('the bundle has more than one signature');
  return misplaced(tag);
}

const misplaced = (tag: number): PacketError =>
  new PacketError(`holds a packet (${tag}) that does not belong there`);

const corrupt = (reason: string, cause?: unknown): WaymarkError =>
  new WaymarkError('SIGN_SEALED_CORRUPT', `the bundle is refused: it ${reason}`, {}, { cause });
