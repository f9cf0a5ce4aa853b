import type { SigningKey } from './signing-key.ts';

export interface Sealed {
  /** AES-256. Secret: whoever has it reads the body. */
  sessionKey: Uint8Array;
  /** SHA-256 hex of the body's bytes. */
  bodyDigest: string;
  /** Bytes. */
  size: number;
}

/** Signs, then encrypts a stream once. The body lacks only a recipient's session-key packet in front. */
export async function sealBody(_request: {
  plain: AsyncIterable<Uint8Array>;
  signer: SigningKey;
  /** Takes the body's bytes in order; awaited, so a slow disk slows the sealing. */
  write(chunk: Uint8Array): void | Promise<void>;
}): Promise<Sealed> {
  throw new Error('not yet');
}
