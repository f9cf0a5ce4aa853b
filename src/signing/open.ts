import type { Readable } from 'node:stream';

/**
 * Decrypts to a temporary file beside `destination`, renamed only after the
 * integrity packet and exactly one signature by a pinned key were checked.
 *
 * @throws {WaymarkError} `SIGN_INVALID` (who signed), `SIGN_SEALED_CORRUPT` (anything else)
 */
export async function openSealed(_request: {
  /** A file's path or a stream. */
  source: string | Readable;
  privateKeyArmored: string;
  /** The armored keys of the release role. */
  pinnedKeys: readonly string[];
  destination: string;
  /** Largest plaintext, in bytes. */
  limitBytes: number;
}): Promise<{ size: number; signer: string }> {
  throw new Error('not yet');
}
