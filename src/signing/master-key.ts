import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { WaymarkError } from '../model/errors.ts';

/** Encrypts secrets at rest. `aad` binds a secret to its place: moved elsewhere it does not open. */
export interface MasterKey {
  /** Base64 of version byte, nonce, tag and ciphertext. */
  wrap(bytes: Uint8Array, aad: string): string;
  /** @throws {WaymarkError} `SIGN_KEY_MISSING` when it was wrapped otherwise or altered */
  unwrap(text: string, aad: string): Uint8Array;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param raw 32 random bytes */
export function createMasterKey(raw: Uint8Array): MasterKey {
  if (raw.length !== 32) throw new RangeError(`a master key has 32 bytes, not ${raw.length}`);

  return {
    wrap(bytes, aad) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', raw, nonce).setAAD(Buffer.from(aad));
      const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
      const version = Buffer.of(VERSION);
      return Buffer.concat([version, nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },

    unwrap(text, aad) {
      const wrapped = Buffer.from(text, 'base64');
      if (wrapped[0] !== VERSION || wrapped.length < 1 + NONCE_BYTES + TAG_BYTES) {
        throw new WaymarkError('SIGN_KEY_MISSING', 'a stored secret has an unknown form');
      }
      const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
      const tag = wrapped.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      const cipher = createDecipheriv('aes-256-gcm', raw, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(aad)).setAuthTag(tag);
      try {
        const sealed = wrapped.subarray(1 + NONCE_BYTES + TAG_BYTES);
        return Buffer.concat([cipher.update(sealed), cipher.final()]);
      } catch (cause) {
        const message = 'a stored secret does not open: is this the master key it was stored with?';
        throw new WaymarkError('SIGN_KEY_MISSING', message, {}, { cause });
      }
    },
  };
}
