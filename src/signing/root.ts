import type { KeyRole, OrgKey, StoredRoot } from './keys.ts';
import type { Keyring } from './org-keys.ts';

export interface RootRole {
  /** Upper-case hex fingerprints of primary keys. */
  keyids: readonly string[];
  threshold: number;
}

/** Which keys an org's documents are signed with. */
export interface RootDocument {
  _type: 'root';
  org: string;
  orgUid: string;
  version: number;
  issuedAt: string;
  expiresAt: string;
  /** Where the root key is kept. */
  custody: 'server' | 'offline';
  roles: Readonly<Record<KeyRole, RootRole>>;
  keys: Readonly<Record<string, { armored: string }>>;
}

export interface RootTerms {
  org: string;
  orgUid: string;
  issuedAt: string;
  expiresAt: string;
  custody: RootDocument['custody'];
}

/** Version 1, signed by its own root key. `keys` = the org's keys; retired ones are left out. */
export async function createRoot(
  _terms: RootTerms,
  _keys: readonly OrgKey[],
  _keyring: Keyring,
): Promise<StoredRoot> {
  throw new Error('not yet');
}

/** The next version, signed by the previous root key and by its own. */
export async function rotateRoot(
  _previous: RootDocument,
  _terms: Omit<RootTerms, 'org' | 'orgUid'>,
  _keys: readonly OrgKey[],
  _keyrings: { previous: Keyring; next: Keyring },
): Promise<StoredRoot> {
  throw new Error('not yet');
}

/** Checks one document's own signatures and, with `trusted`, that it follows it. Not its expiry. */
export async function verifyRoot(
  _body: Uint8Array,
  _signature: Uint8Array,
  _trusted?: RootDocument,
): Promise<RootDocument> {
  throw new Error('not yet');
}

/** The last of a chain that starts at `trusted`; only the last must not have expired. */
export async function verifyRootChain(
  _trusted: RootDocument,
  _chain: readonly { body: Uint8Array; signature: Uint8Array }[],
  _nowMs: number,
): Promise<RootDocument> {
  throw new Error('not yet');
}

/** The armored keys that may sign for a role. */
export const keysOfRole = (root: RootDocument, role: KeyRole): string[] =>
  root.roles[role].keyids.flatMap((id) => root.keys[id]?.armored ?? []);
