import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/**
 * A segment file: contents one after the other, then an index (32 bytes of
 * SHA-256 and 8 of size for each), then a trailer (magic, the index's CRC-32 and
 * its number of entries). The index is inside the file, so no crash parts the two.
 */
export interface SegmentEntry {
  hex: string;
  /** Bytes from the file's start. */
  offset: number;
  size: number;
}

const MAGIC = Buffer.from('wmseg\0\0\u0001', 'latin1');
const ENTRY_BYTES = 40;
const TRAILER_BYTES = MAGIC.length + 8;
const CHUNK_BYTES = 1 << 20;

/** The file's bytes, small contents joined: fifty thousand single writes cost seconds. */
export function* segmentChunks(
  contents: readonly { hex: string; bytes: Uint8Array }[],
): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for (const { bytes } of contents) {
    if (smallBytes + bytes.byteLength > CHUNK_BYTES) {
      yield Buffer.concat(small);
      small = [];
      smallBytes = 0;
    }
    if (bytes.byteLength > CHUNK_BYTES) {
      yield bytes;
    } else {
      small.push(bytes);
      smallBytes += bytes.byteLength;
    }
  }
  yield Buffer.concat([...small, footer(contents)]);
}

function footer(contents: readonly { hex: string; bytes: Uint8Array }[]): Buffer {
  const index = Buffer.alloc(contents.length * ENTRY_BYTES);
  for (const [i, { hex, bytes }] of contents.entries()) {
    index.write(hex, i * ENTRY_BYTES, 'hex');
    index.writeBigUInt64BE(BigInt(bytes.byteLength), i * ENTRY_BYTES + 32);
  }
  const counts = Buffer.alloc(8);
  counts.writeUInt32BE(crc32(index), 0);
  counts.writeUInt32BE(contents.length, 4);
  return Buffer.concat([index, MAGIC, counts]);
}

/**
 * Undefined when the file does not end in a whole, unharmed index. Synchronous:
 * it runs at start only, where thousands of small files take a third of the time so.
 */
export function readSegmentIndex(path: string): SegmentEntry[] | undefined {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size < TRAILER_BYTES) return undefined;
    const trailer = readAtSync(file, size - TRAILER_BYTES, TRAILER_BYTES);
    if (!trailer.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;

    const indexBytes = trailer.readUInt32BE(MAGIC.length + 4) * ENTRY_BYTES;
    const start = size - TRAILER_BYTES - indexBytes;
    if (start < 0) return undefined;
    const index = readAtSync(file, start, indexBytes);
    if (crc32(index) !== trailer.readUInt32BE(MAGIC.length)) return undefined;
    return entriesOf(index);
  } finally {
    closeSync(file);
  }
}

function readAtSync(file: number, offset: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  return bytes.subarray(0, readSync(file, bytes, 0, size, offset));
}

function entriesOf(index: Buffer): SegmentEntry[] {
  const entries: SegmentEntry[] = [];
  let offset = 0;
  for (let at = 0; at < index.length; at += ENTRY_BYTES) {
    const size = Number(index.readBigUInt64BE(at + 32));
    entries.push({ hex: index.toString('hex', at, at + 32), offset, size });
    offset += size;
  }
  return entries;
}

/** Up to `size` bytes: fewer where the file ends. */
export async function readAt(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await file.read(bytes, done, size - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
