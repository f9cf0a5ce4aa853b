import { createReadStream } from 'node:fs';
import { ReadableStream, WritableStream } from 'node:stream/web';
import {
  createMessage,
  enums,
  PacketList,
  type PublicKey,
  readKey,
  readSignature,
  Signature,
  SignaturePacket,
  verify,
} from 'openpgp';
import { WaymarkError } from '../model/errors.ts';
import { fingerprintOf } from './openpgp-config.ts';
import { toWebStream } from './web-stream.ts';

/** A root being rotated has two signatures; what has many is made to waste time. */
const MOST_SIGNATURES = 16;

/**
 * Answers the distinct primary fingerprints (upper-case hex) that validly signed.
 *
 * The times inside a signature are not what is relied on: a document states its
 * own, and a client whose clock is wrong must still be able to read it. Only a
 * signature that itself has run out is refused.
 *
 * @param request `signature` is binary and may hold several, one after the other; `keys` are the
 *   pinned armored keys: nothing else can count; `threshold` distinct keys must have signed
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function verifyDetached(request: {
  body: Uint8Array;
  signature: Uint8Array;
  keys: readonly string[];
  threshold?: number;
}): Promise<string[]> {
  const { body, threshold = 1 } = request;
  const keys = await readPinned(request.keys);
  const signatures = await readSignatures(request.signature);

  const signers = new Set<string>();
  for (const signature of signatures) {
    for (const [fingerprint, key] of keys) {
      if (await isSignedBy(key, signature, () => body)) signers.add(fingerprint);
    }
  }
  // Never less than one, whatever a caller was made to pass on; negated for the sake of NaN.
  if (!(signers.size >= Math.max(1, threshold))) throw tooFew(signers.size, threshold, keys.size);
  return [...signers];
}

/**
 * The same for one armored signature, as a tag or a commit carries it.
 *
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function verifyArmored({
  body,
  signature: armoredSignature,
  keys,
}: {
  body: Uint8Array;
  signature: string;
  keys: readonly string[];
}): Promise<string[]> {
  const { packets } = await readSignature({ armoredSignature }).catch((cause: unknown) => {
    throw invalid('the signature is no OpenPGP signature', cause);
  });
  return await verifyDetached({ body, signature: packets.write(), keys });
}

/** Those of the armored keys that are keys: people's, which nobody has looked at before. */
export async function readableKeys(armored: readonly string[]): Promise<string[]> {
  const read = await Promise.allSettled(armored.map((armoredKey) => readKey({ armoredKey })));
  return armored.filter((_key, i) => read[i]?.status === 'fulfilled');
}

/** By primary fingerprint, so that a key given twice counts once. */
export async function readPinned(armored: readonly string[]): Promise<Map<string, PublicKey>> {
  const keys = await Promise.all(armored.map((armoredKey) => readKey({ armoredKey })));
  return new Map(keys.map((key) => [fingerprintOf(key), key]));
}

async function readSignatures(binarySignature: Uint8Array): Promise<SignaturePacket[]> {
  const { packets } = await readSignature({ binarySignature }).catch((cause: unknown) => {
    throw invalid('the signature is no OpenPGP signature', cause);
  });
  const signatures = packets.filter((packet) => packet instanceof SignaturePacket);
  if (signatures.length > MOST_SIGNATURES) {
    throw invalid(`${signatures.length} signatures are more than the ${MOST_SIGNATURES} allowed`);
  }
  return signatures;
}

/**
 * Answers the pinned key's primary fingerprint that signed a file, read as a stream.
 *
 * @param request `signature` holds exactly one
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function verifyFile(request: {
  path: string;
  signature: Uint8Array;
  keys: readonly string[];
}): Promise<string> {
  const [signature] = await readSignatures(request.signature);
  if (!signature) throw invalid('the signature is of a form that is not supported');
  for (const [fingerprint, key] of await readPinned(request.keys)) {
    const open = () => toWebStream(createReadStream(request.path)[Symbol.asyncIterator]());
    if (await isSignedBy(key, signature, open)) return fingerprint;
  }
  throw invalid('none of the trusted keys signed this content');
}

type Content = Uint8Array | ReadableStream<Uint8Array>;

async function isSignedBy(
  key: PublicKey,
  packet: SignaturePacket,
  open: () => Content,
): Promise<boolean> {
  // The issuer is a hint that anybody can write: it saves work and decides nothing.
  if (key.getKeys(packet.issuerKeyID).length === 0) return false;
  // A text signature covers other bytes than those that were sent.
  if (packet.signatureType !== enums.signature.binary) return false;
  if (packet.getExpirationTime().valueOf() <= Date.now()) return false;

  const one = new PacketList<SignaturePacket>();
  one.push(packet);
  const { data, signatures } = await verify({
    message: await createMessage({ binary: open() }),
    signature: new Signature(one),
    verificationKeys: key,
    date: null,
    format: 'binary',
  });
  await drain(data);
  return (await signatures[0]?.verified.catch(() => false)) === true;
}

/** A stream is hashed as it is read, so somebody has to. */
async function drain(data: unknown): Promise<void> {
  if (data instanceof ReadableStream) await data.pipeTo(new WritableStream());
}

function tooFew(found: number, threshold: number, pinned: number): WaymarkError {
  if (found === 0) return invalid(`none of the ${pinned} trusted keys signed these bytes`);
  return invalid(`${found} of the trusted keys signed these bytes, and ${threshold} must`);
}

export const invalid = (message: string, cause?: unknown): WaymarkError =>
  new WaymarkError('SIGN_INVALID', message, {}, { cause });
