// @ts-check

/** @import { Natives } from './types.ts' */

const NOTHING = new ArrayBuffer(0);

/**
 * The bytes of a buffer or of a view of one, in a buffer of their own.
 *
 * @param {unknown} source
 * @returns {ArrayBuffer}
 */
export function bytesOf(source) {
  if (source instanceof ArrayBuffer) return source;
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    return /** @type {ArrayBuffer} */ (buffer).slice(byteOffset, byteOffset + byteLength);
  }
  throw new TypeError('a buffer or a view of one is needed');
}

/**
 * Texts as bytes and bytes as texts, by the thread's own means: the engine would
 * take a hundred times as long.
 *
 * @param {Pick<Natives, "encodeUtf8" | "decodeUtf8" | "toBase64" | "fromBase64">} natives
 */
export function createCodec(natives) {
  return {
    encode: (/** @type {string} */ text) =>
      new Uint8Array(text === '' ? NOTHING : natives.encodeUtf8(text.toWellFormed())),
    decode: (/** @type {ArrayBuffer} */ bytes, isFatal = false, keepsBom = false) =>
      bytes.byteLength === 0 ? '' : natives.decodeUtf8(bytes, isFatal, keepsBom),
    toBase64: (/** @type {ArrayBuffer} */ bytes) =>
      bytes.byteLength === 0 ? '' : natives.toBase64(bytes),
    fromBase64: (/** @type {string} */ text) =>
      new Uint8Array(text === '' ? NOTHING : natives.fromBase64(text)),
  };
}
