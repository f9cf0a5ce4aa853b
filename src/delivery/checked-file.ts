import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { WaymarkError } from '../model/errors.ts';

/**
 * A file that is checked while it is read, at any range: behind its content
 * stands one CRC-32 for each block. Damage on disk is found before a wrong byte
 * is sent; forgery is another matter, and the client's signature check's.
 */
const BLOCK_BYTES = 256 * 1024;

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
  const handle = await open(path, 'r');
  try {
    const blocks = Math.ceil(contentBytes / BLOCK_BYTES);
    const trailer = Buffer.alloc(blocks * 4);
    const { bytesRead } = await handle.read(trailer, 0, trailer.length, contentBytes);
    if (bytesRead !== trailer.length) throw damaged(path);
    for (let i = Math.floor(start / BLOCK_BYTES); i * BLOCK_BYTES < end; i++) {
      const at = i * BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES, contentBytes - at);
      const block = Buffer.allocUnsafe(length);
      const read = await handle.read(block, 0, length, at);
      if (read.bytesRead !== length || crc32(block) !== trailer.readUInt32BE(i * 4)) {
        throw damaged(path);
      }
      yield block.subarray(Math.max(start - at, 0), Math.min(end - at, length));
    }
  } finally {
    await handle.close();
  }
}

function damaged(_path: string): WaymarkError {
  return new WaymarkError('SIGN_SEALED_CORRUPT', 'a stored bundle is damaged: it is made anew');
}
