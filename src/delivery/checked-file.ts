import { type FileHandle, open, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { WaymarkError } from '../model/errors.ts';

/**
 * A file that is checked while it is read, at any range: behind its content
 * stands one CRC-32 for each block. Damage on disk is found before a wrong byte
 * is sent; forgery is another matter, and the client's signature check's.
 */
const BLOCK_BYTES = 256 * 1024;
const KEPT_BYTES = 32 * 1024 * 1024;

/** Writes content, then the checks. */
export class CheckedWriter {
  readonly #handle: FileHandle;
  readonly #checks: number[] = [];
  #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(path: string): Promise<CheckedWriter> {
    return new CheckedWriter(await open(path, 'w', 0o600));
  }

  async write(chunk: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < chunk.length) {
      const part = chunk.subarray(offset, offset + BLOCK_BYTES - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      offset += part.length;
      if (this.#filled === BLOCK_BYTES) await this.#flush();
    }
  }

  /** Durable when it resolves. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#flush();
    const trailer = Buffer.alloc(this.#checks.length * 4);
    for (const [i, check] of this.#checks.entries()) trailer.writeUInt32BE(check, i * 4);
    await this.#handle.writeFile(trailer);
    await this.#handle.sync();
    await this.#handle.close();
  }

  async abort(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }

  async #flush(): Promise<void> {
    const block = this.#block.subarray(0, this.#filled);
    this.#checks.push(crc32(block));
    // `write` alone may stop half-way, without an error, where room ends.
    await this.#handle.writeFile(block);
    this.#filled = 0;
  }
}

/** The size on disk of a checked file with this much content. */
export const sizeOnDisk = (contentBytes: number): number =>
  contentBytes + Math.ceil(contentBytes / BLOCK_BYTES) * 4;

/**
 * Content from `start` (inclusive) to `end` (exclusive), block by block.
 *
 * @throws {WaymarkError} `SIGN_SEALED_CORRUPT` at the first damaged block, none of which is given out
 */
export async function* readChecked(
  path: string,
  contentBytes: number,
  start = 0,
  end = contentBytes,
): AsyncGenerator<Buffer> {
  const { mtimeMs, ctimeMs } = await stat(path);
  const file = new CheckedReader(path, contentBytes, `${path} ${mtimeMs} ${ctimeMs}`);
  try {
    for (let i = Math.floor(start / BLOCK_BYTES); i * BLOCK_BYTES < end; i++) {
      const at = i * BLOCK_BYTES;
      const block = await file.block(i);
      yield block.subarray(Math.max(start - at, 0), Math.min(end - at, block.length));
    }
  } finally {
    await file.close();
  }
}

/**
 * Blocks that were found whole a moment ago: what is downloaded most is asked
 * for by many clients in a row, and reading and checking it again is two thirds
 * of sending it. A file that was touched since is read anew.
 */
const kept = new LRUCache<string, Buffer>({ max: KEPT_BYTES / BLOCK_BYTES });

/** Opens its file at the first block that is not kept. */
class CheckedReader {
  readonly #path: string;
  readonly #contentBytes: number;
  readonly #identity: string;
  #opened: { handle: FileHandle; trailer: Buffer } | undefined;

  constructor(path: string, contentBytes: number, identity: string) {
    this.#path = path;
    this.#contentBytes = contentBytes;
    this.#identity = identity;
  }

  async block(i: number): Promise<Buffer> {
    const key = `${this.#identity} ${i}`;
    const known = kept.get(key);
    if (known) return known;
    const block = await this.#read(i);
    // One large bundle would push out all that is small and wanted.
    if (this.#contentBytes <= KEPT_BYTES / 2) kept.set(key, block);
    return block;
  }

  async close(): Promise<void> {
    await this.#opened?.handle.close();
  }

  async #read(i: number): Promise<Buffer> {
    const { handle, trailer } = await this.#open();
    const at = i * BLOCK_BYTES;
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, this.#contentBytes - at));
    const { bytesRead } = await handle.read(block, 0, block.length, at);
    if (bytesRead === block.length && crc32(block) === trailer.readUInt32BE(i * 4)) return block;
    throw damaged(this.#path);
  }

  async #open() {
    if (this.#opened) return this.#opened;
    const handle = await open(this.#path, 'r');
    const trailer = Buffer.alloc(Math.ceil(this.#contentBytes / BLOCK_BYTES) * 4);
    this.#opened = { handle, trailer };
    const { bytesRead } = await handle.read(trailer, 0, trailer.length, this.#contentBytes);
    if (bytesRead !== trailer.length) throw damaged(this.#path);
    return this.#opened;
  }
}

function damaged(_path: string): WaymarkError {
  return new WaymarkError('SIGN_SEALED_CORRUPT', 'a stored bundle is damaged: it is made anew');
}
