/** Takes bytes off a stream in exact amounts; holds no more than was asked for and one chunk. */
export interface ByteReader {
  /** @throws {PacketError} when the stream ends before */
  take(length: number): Promise<Buffer>;
  /** The rest of the current chunk or the next one, at most `most` bytes; empty at the end. */
  takeSome(most: number): Promise<Buffer>;
  isAtEnd(): Promise<boolean>;
}

/** The bytes do not have the form that they must have. The message goes behind "it". */
export class PacketError extends Error {
  override readonly name = 'PacketError';
}

export function readBytes(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);

  async function fill(): Promise<boolean> {
    while (held.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return false;
      held = Buffer.from(value.buffer, value.byteOffset, value.length);
    }
    return true;
  }

  async function takeSome(most: number): Promise<Buffer> {
    await fill();
    const part = held.subarray(0, most);
    held = held.subarray(part.length);
    return part;
  }

  return {
    takeSome,
    isAtEnd: async () => !(await fill()),
    async take(length) {
      const parts: Buffer[] = [];
      for (let missing = length; missing > 0; ) {
        const part = await takeSome(missing);
        if (part.length === 0) throw new PacketError('ends too early');
        parts.push(part);
        missing -= part.length;
      }
      return Buffer.concat(parts);
    },
  };
}

export interface Packet {
  tag: number;
  /** To be read to its end before the next packet. */
  body: AsyncGenerator<Buffer>;
}

/**
 * The next packet of a stream, in the old or the new format.
 *
 * @throws {PacketError}
 * @see RFC 4880, section 4.2
 */
export async function nextPacket(reader: ByteReader): Promise<Packet> {
  const [head = 0] = await reader.take(1);
  if (!(head & 0x80)) throw new PacketError('is no OpenPGP message');
  if (head & 0x40) return { tag: head & 0x3f, body: newFormatBody(reader) };

  const lengthBytes = [1, 2, 4][head & 3];
  // An unknown length could not be told from a body that was cut off.
  if (lengthBytes === undefined) throw new PacketError('holds a packet of unknown length');
  const length = (await reader.take(lengthBytes)).readUIntBE(0, lengthBytes);
  return { tag: (head >> 2) & 0x0f, body: takeAll(reader, length) };
}

async function* newFormatBody(reader: ByteReader): AsyncGenerator<Buffer> {
  let part: { length: number; isLast: boolean };
  do {
    part = await nextLength(reader);
    yield* takeAll(reader, part.length);
  } while (!part.isLast);
}

async function nextLength(reader: ByteReader): Promise<{ length: number; isLast: boolean }> {
  const [first = 0] = await reader.take(1);
  if (first < 192) return { length: first, isLast: true };
  if (first < 224) {
    const [second = 0] = await reader.take(1);
    return { length: ((first - 192) << 8) + second + 192, isLast: true };
  }
  if (first < 255) return { length: 2 ** (first & 0x1f), isLast: false };
  return { length: (await reader.take(4)).readUInt32BE(), isLast: true };
}

async function* takeAll(reader: ByteReader, length: number): AsyncGenerator<Buffer> {
  for (let missing = length; missing > 0; ) {
    const part = await reader.takeSome(missing);
    if (part.length === 0) throw new PacketError('ends too early');
    missing -= part.length;
    yield part;
  }
}

/** The whole body of a packet that must be small. */
export async function readSmall(body: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limitBytes) throw new PacketError('holds a packet that is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
