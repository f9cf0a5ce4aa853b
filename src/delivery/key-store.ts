import type { AuditEntry } from '../audit/entry.ts';
import type { OrgKey, StoredRoot } from '../signing/keys.ts';

/** A new root, and what it changes about the keys. Keys are named by fingerprint. */
export interface KeyChange {
  org: string;
  add: readonly OrgKey[];
  /** These sign nothing from `at` on. */
  retire: readonly string[];
  /** Their private parts leave this server. */
  forget: readonly string[];
  at: string;
  root: StoredRoot;
}

/** Nothing about an org's keys changes but by a new root: who knows the newest root knows all. */
export interface KeyStore {
  /** All keys of an org, retired ones too, oldest first. */
  keys(org: string): Promise<OrgKey[]>;
  /** By version, ascending. */
  roots(org: string): Promise<StoredRoot[]>;
  /**
   * One transaction with its audit entry. False when a root of that version
   * exists already; then nothing is written.
   */
  rotate(change: KeyChange, entry: AuditEntry): Promise<boolean>;
  /**
   * A key's wrapped private part, for handing out: in one transaction with the
   * audit entry that tells of it. Null, and no entry, where it is not here.
   */
  exportPrivate(org: string, fingerprint: string, entry: AuditEntry): Promise<string | null>;
}

export interface OrgKeys {
  keys: readonly OrgKey[];
  roots: readonly StoredRoot[];
}

/** Keys and roots of one moment: another node's rotation may come between the two reads. */
export async function readOrgKeys(store: KeyStore, org: string): Promise<OrgKeys> {
  let roots = await store.roots(org);
  for (;;) {
    const keys = await store.keys(org);
    const again = await store.roots(org);
    if (again.length === roots.length) return { keys, roots };
    roots = again;
  }
}
