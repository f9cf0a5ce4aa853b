const NEWLINE = 0x0a;

/** Bytes as they come in, taken out by the line or by the count; joined only when enough are there. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  /** Without its newline; undefined until that is there. */
  takeLine(): string | undefined {
    const bytes = this.#join();
    const end = bytes.indexOf(NEWLINE);
    this.#keep(end < 0 ? bytes : bytes.subarray(end + 1));
    return end < 0 ? undefined : bytes.toString('utf8', 0, end);
  }

  /** A copy, so that a small body does not hold on to the chunk it came in. */
  take(length: number): Buffer | undefined {
    if (this.#length < length) return undefined;
    const bytes = this.#join();
    this.#keep(bytes.subarray(length));
    return Buffer.from(bytes.subarray(0, length));
  }

  #join(): Buffer {
    const [only] = this.#chunks;
    return only && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
  }
}
