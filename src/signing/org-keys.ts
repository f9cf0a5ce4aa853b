import type { KeyRole, OrgKey } from './keys.ts';
import type { MasterKey } from './master-key.ts';
import type { SigningKey } from './signing-key.ts';

/** An org's keys in use, opened once. A role whose private key is not here throws `SIGN_KEY_MISSING`. */
export interface Keyring {
  /** Upper-case hex of the key in use. */
  fingerprint(role: KeyRole): string;
  /** The armored public key in use. */
  publicKey(role: KeyRole): string;
  /** Binary detached signature; equal bytes and time (default: the key's creation) give equal bytes. */
  sign(role: KeyRole, bytes: Uint8Array, at?: Date): Promise<Uint8Array>;
  /** The armored signature that git puts behind a tag's text. */
  signTagPayload(payload: string, at?: Date): Promise<string>;
  signingKey(role: KeyRole): Promise<SigningKey>;
}

export async function generateOrgKeys(
  _request: { org: string; at: string; roles?: readonly KeyRole[] },
  _master: MasterKey,
): Promise<OrgKey[]> {
  throw new Error('not yet');
}

export function openKeyring(_keys: readonly OrgKey[], _master: MasterKey): Keyring {
  throw new Error('not yet');
}

/** `-----BEGIN PGP SIGNATURE-----` form of a binary signature. */
export function armorSignature(_signature: Uint8Array): string {
  throw new Error('not yet');
}

/** The armored keys of a role, retired ones too: what may have signed an older document. */
export const publicKeysOf = (keys: readonly OrgKey[], role: KeyRole): string[] =>
  keys.filter((key) => key.role === role).map((key) => key.publicArmored);
