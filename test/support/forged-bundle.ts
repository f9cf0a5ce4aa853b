import { createCipheriv, createHash, randomBytes } from 'node:crypto';

/** How a forger ends the encrypted data: RFC 4880, section 5.14. */
export type IntegrityPacket = 'good' | 'wrong' | 'missing';

/**
 * The encrypted packet that anyone who has the session key can make, and every
 * recipient of a bundle has it. `inner` is the packets inside.
 */
export function sealByHand(
  inner: Uint8Array,
  sessionKey: Uint8Array,
  integrity: IntegrityPacket = 'good',
): Buffer {
  const random = randomBytes(16);
  const prefixed = Buffer.concat([random, random.subarray(14), inner]);
  const plain = Buffer.concat([prefixed, integrityPacket(prefixed, integrity)]);
  return packet(18, Buffer.concat([Buffer.of(1), encryptCfb(plain, sessionKey)]));
}

/** The form before there was an integrity packet (tag 9), which needs no packet to be stripped. */
export function sealWithoutIntegrity(inner: Uint8Array, sessionKey: Uint8Array): Buffer {
  const random = randomBytes(16);
  const prefix = Buffer.concat([random, random.subarray(14)]);
  const sealedPrefix = encryptCfb(prefix, sessionKey);
  // This form starts the cipher again after the prefix.
  const rest = encryptCfb(inner, sessionKey, sealedPrefix.subarray(2));
  return packet(9, Buffer.concat([sealedPrefix, rest]));
}

function integrityPacket(prefixed: Buffer, integrity: IntegrityPacket): Buffer {
  if (integrity === 'missing') return Buffer.alloc(0);
  const head = Buffer.of(0xd3, 0x14);
  const digest = createHash('sha1').update(prefixed).update(head).digest();
  if (integrity === 'wrong') digest[0]! ^= 1;
  return Buffer.concat([head, digest]);
}

function encryptCfb(plain: Uint8Array, key: Uint8Array, iv: Uint8Array = Buffer.alloc(16)): Buffer {
  const cipher = createCipheriv('aes-256-cfb', key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

function packet(tag: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(6, 0xff);
  header[0] = 0xc0 | tag;
  header.writeUInt32BE(content.length, 2);
  return Buffer.concat([header, content]);
}
