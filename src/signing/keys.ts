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
  /** Base64 of the wrapped private key; null once a root key was taken off the server. */
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

export interface KeyStore {
  /** All keys of an org, retired ones too, oldest first. */
  keys(org: string): Promise<OrgKey[]>;
  /** By version, ascending. */
  roots(org: string): Promise<StoredRoot[]>;
  /**
   * One transaction: adds keys, retires fingerprints, adds the root. False when
   * a root of that version exists already.
   */
  rotate(change: {
    org: string;
    add: readonly OrgKey[];
    retire: readonly string[];
    at: string;
    root: StoredRoot;
  }): Promise<boolean>;
  /** Takes a root key's private part off the server. */
  forgetPrivate(org: string, fingerprint: string): Promise<void>;
}
