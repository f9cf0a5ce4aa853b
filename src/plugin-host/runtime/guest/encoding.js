// @ts-check

import { bytesOf } from './bytes.js';

/** @typedef {ReturnType<typeof import('./bytes.js').createCodec>} Codec */

const LABELS = ['utf-8', 'utf8', 'unicode-1-1-utf-8'];
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * `TextEncoder`, `TextDecoder`, `atob` and `btoa`.
 *
 * @param {Codec} codec
 */
export function createEncoding(codec) {
  class TextEncoder {
    encoding = 'utf-8';

    /** @param {unknown} [text] */
    encode(text = '') {
      return codec.encode(String(text));
    }

    /**
     * @param {unknown} text
     * @param {Uint8Array} target
     */
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const char of String(text)) {
        const bytes = codec.encode(char);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += char.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    encoding = 'utf-8';
    fatal;
    ignoreBOM;
    /** The start of a character whose end has not come yet. */
    #rest = new Uint8Array(0);

    /**
     * @param {string} [label]
     * @param {{fatal?: boolean, ignoreBOM?: boolean}} [options]
     */
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      if (!LABELS.includes(label.trim().toLowerCase())) {
        throw new RangeError(`there is no decoder of ${label}: only UTF-8`);
      }
      this.fatal = fatal;
      this.ignoreBOM = ignoreBOM;
    }

    /**
     * @param {ArrayBuffer | ArrayBufferView} [source]
     * @param {{stream?: boolean}} [options]
     */
    decode(source = new ArrayBuffer(0), { stream = false } = {}) {
      const bytes = joined(this.#rest, new Uint8Array(bytesOf(source)));
      const end = stream ? wholeCharacters(bytes) : bytes.length;
      this.#rest = bytes.slice(end);
      try {
        return codec.decode(bytes.slice(0, end).buffer, this.fatal, this.ignoreBOM);
      } catch {
        throw new TypeError('The encoded data was not valid for encoding utf-8');
      }
    }
  }

  /** @param {unknown} text */
  function btoa(text) {
    const bytes = Uint8Array.from(String(text), (char) => {
      const unit = char.charCodeAt(0);
      if (char.length > 1 || unit > 255) throw new TypeError('Invalid character');
      return unit;
    });
    return codec.toBase64(bytes.buffer);
  }

  /** @param {unknown} text */
  function atob(text) {
    const packed = String(text).replace(/[\t\n\f\r ]/g, '');
    const digits = packed.replace(/={1,2}$/, '');
    const isPadded = packed.length === digits.length || packed.length % 4 === 0;
    if (!BASE64.test(packed) || !isPadded || digits.length % 4 === 1) {
      throw new TypeError('The string to be decoded is not correctly encoded.');
    }
    return Array.from(codec.fromBase64(digits), (byte) => String.fromCharCode(byte)).join('');
  }

  return { TextEncoder, TextDecoder, btoa, atob };
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function joined(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/**
 * @param {Uint8Array} bytes
 * @returns {number} how many of them end with a character
 */
function wholeCharacters(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = /** @type {number} */ (bytes[bytes.length - back]);
    if (byte < 0x80) break;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (size > 1) return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
