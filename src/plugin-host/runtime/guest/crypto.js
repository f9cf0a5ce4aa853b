// @ts-check

/** @typedef {ReturnType<typeof import('./bytes.js').createCodec>} Codec */

const MOST_BYTES = 65_536;

/**
 * Randomness that cannot be guessed, which `Math.random` can. HMAC and SHA-256
 * are `waymark.callSync('host.crypto.…')`.
 *
 * @param {{callSync: (name: string, params: object) => any, codec: Codec}} port
 */
export function createCrypto({ callSync, codec }) {
  const random = (/** @type {number} */ bytes) =>
    codec.fromBase64(callSync('host.crypto.random', { bytes }).base64);
  return {
    /** @param {any} view */
    getRandomValues(view) {
      const { buffer, byteOffset, byteLength } = view;
      if (byteLength > MOST_BYTES) throw new RangeError(`at most ${MOST_BYTES} bytes`);
      new Uint8Array(buffer, byteOffset, byteLength).set(random(byteLength));
      return view;
    },
    randomUUID() {
      const bytes = random(16);
      bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
      bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
  };
}
