import { createHash } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';

const MIB = 1024 * 1024;
const BLOB = 3;

/** A pack of one blob of so many MiB of zeros: a thousandth of that to send. */
export function zeroBomb(mib: number): Buffer {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\x01', 'latin1');
  const pack = Buffer.concat([head, objectHeader(BLOB, mib * MIB), deflatedZeros(mib)]);
  return Buffer.concat([pack, createHash('sha1').update(pack).digest()]);
}

/** Four bits of the size beside the type, then seven a byte, the lowest first. */
function objectHeader(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

/** One deflated MiB, repeated: a full flush lets it stand beside itself. */
function deflatedZeros(mib: number): Buffer {
  const piece = deflateRawSync(Buffer.alloc(MIB), { finishFlush: constants.Z_FULL_FLUSH });
  const adler = Buffer.alloc(4);
  adler.writeUInt16BE((mib * MIB) % 65521, 0);
  adler.writeUInt16BE(1, 2);
  return Buffer.concat([
    Buffer.from([0x78, 0x9c]),
    ...Array.from({ length: mib }, () => piece),
    Buffer.from([3, 0]),
    adler,
  ]);
}
