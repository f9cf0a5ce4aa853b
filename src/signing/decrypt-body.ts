import { createDecipheriv, createHash } from 'node:crypto';
import { PacketError, readBytes } from './packet-reader.ts';

const PREFIX_BYTES = 18;
/** A two-byte head and SHA-1. */
const INTEGRITY_BYTES = 22;

/**
 * The packets inside an integrity-protected packet, given its body. Ends with
 * an error where the integrity packet is missing or wrong: what was handed out
 * before must not be used until then.
 *
 * @param sessionKey AES-256
 * @throws {PacketError}
 * @see RFC 4880, sections 5.13 and 5.14
 */
export async function* decryptBody(
  body: AsyncIterable<Buffer>,
  sessionKey: Uint8Array,
): AsyncGenerator<Buffer> {
  const encrypted = readBytes(body);
  const [version] = await encrypted.take(1);
  if (version !== 1) throw new PacketError('is encrypted in a form that is not used here');

  const cipher = createDecipheriv('aes-256-cfb', sessionKey, Buffer.alloc(16));
  const hash = createHash('sha1');
  hash.update(cipher.update(await encrypted.take(PREFIX_BYTES)));

  // The last bytes are not data; which they are is known at the end only.
  let kept: Buffer = Buffer.alloc(0);
  while (!(await encrypted.isAtEnd())) {
    kept = Buffer.concat([kept, cipher.update(await encrypted.takeSome(65_536))]);
    const data = kept.subarray(0, Math.max(0, kept.length - INTEGRITY_BYTES));
    kept = kept.subarray(data.length);
    hash.update(data);
    if (data.length > 0) yield data;
  }

  const head = Buffer.of(0xd3, 0x14);
  const expected = Buffer.concat([head, hash.update(head).digest()]);
  if (!kept.equals(expected)) throw new PacketError('was altered or cut off');
}
