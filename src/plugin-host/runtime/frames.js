// @ts-check

const HEAD_BYTES = 4;

/** What a process says of itself before its script can say anything. */
export const BOOTED = 'booted';
export const LOADED = 'loaded';
export const FAILED = 'failed: ';

/**
 * A JSON text behind its length, as it crosses between processes.
 *
 * @param {string} text
 */
export function frame(text) {
  const bytes = Buffer.byteLength(text);
  const whole = Buffer.allocUnsafe(HEAD_BYTES + bytes);
  whole.writeUInt32BE(bytes);
  whole.write(text, HEAD_BYTES);
  return whole;
}

/**
 * Cuts a stream of frames into texts.
 *
 * @param {object} options
 * @param {number} options.limitBytes
 * @param {(text: string) => void} options.read
 * @param {() => void} options.tooLong what is longer is not collected: nothing is read any more
 * @returns {(chunk: Buffer) => void}
 */
export function createFrameReader({ limitBytes, read, tooLong }) {
  /** @type {Buffer[]} */
  let chunks = [];
  let held = 0;
  let needed = HEAD_BYTES;
  let isBody = false;
  let isOver = false;

  const take = () => {
    const all = chunks.length === 1 ? /** @type {Buffer} */ (chunks[0]) : Buffer.concat(chunks);
    const part = all.subarray(0, needed);
    chunks = all.length > needed ? [all.subarray(needed)] : [];
    held -= needed;
    return part;
  };

  return (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    while (!isOver && held >= needed) {
      const part = take();
      if (isBody) read(part.toString());
      needed = isBody ? HEAD_BYTES : part.readUInt32BE();
      isBody = !isBody;
      isOver = needed > limitBytes;
    }
    if (isOver) tooLong();
  };
}
