import { createHash } from 'node:crypto';
import type { KeyRole } from '../signing/keys.ts';
import type { Keyring } from '../signing/org-keys.ts';

/** Exact bytes and the detached signature over them. */
export interface SignedBody {
  body: Buffer;
  signature: Uint8Array;
  /** Strong, in quotes; covers the signing key, so that a rotation reaches clients that cache. */
  etag: string;
}

export async function signBody(keyring: Keyring, role: KeyRole, body: Buffer): Promise<SignedBody> {
  const signature = await keyring.sign(role, body);
  return { body, signature, etag: etagOf(body, keyring.fingerprint(role)) };
}

export function etagOf(...parts: (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return `"${hash.digest('hex').slice(0, 40)}"`;
}
