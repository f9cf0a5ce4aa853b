/** What an org's key may sign. `release` signs tags and manifests, `index` indexes, `root` the list of keys. */
export const KEY_ROLES = ['root', 'release', 'index'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

/** One key pair of an org. The private part is armored text encrypted under the master key. */
export interface OrgKey {
  org: string;
  role: KeyRole;
  /** Upper-case hex, 40 digits. */
  fingerprint: string;
  publicArmored: string;
  /** Base64 of the wrapped private key; null once it is not on this server any more. */
  wrappedPrivate: string | null;
  createdAt: string;
  /** Set when a rotation replaced it; it still verifies older tags. */
  retiredAt: string | null;
}

/** A signed root document: exact bytes, and one detached signature for each signing key. */
export interface StoredRoot {
  org: string;
  version: number;
  /** The JSON text as signed. */
  body: string;
  /** Base64 binary detached OpenPGP: all signatures, concatenated packets. */
  signature: string;
}
