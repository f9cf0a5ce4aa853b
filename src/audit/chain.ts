import canonicalize from 'canonicalize';
import { sha256Hex } from '../model/digest.ts';
import type { AuditEntry, ChainedEntry } from './entry.ts';

/** What the first entry of a tenant names as the one before it. */
export const CHAIN_START = '0'.repeat(64);

/** Links an entry behind `previous`, the tenant's last (undefined: there is none yet). */
export function chainEntry(
  previous: Pick<ChainedEntry, 'sequence' | 'hash'> | undefined,
  entry: AuditEntry,
): ChainedEntry {
  const linked = {
    ...storable(entry),
    sequence: (previous?.sequence ?? 0) + 1,
    previousHash: previous?.hash ?? CHAIN_START,
  };
  return { ...linked, hash: hashOf(linked) };
}

/**
 * The sequence of the first entry that was altered, moved or follows a missing
 * one; undefined when the chain holds. `entries` are ascending and start behind `previous`.
 */
export function findBreak(
  entries: readonly ChainedEntry[],
  previous?: Pick<ChainedEntry, 'sequence' | 'hash'>,
): number | undefined {
  let last = previous ?? { sequence: 0, hash: CHAIN_START };
  for (const entry of entries) {
    const { hash, ...linked } = entry;
    const follows = entry.sequence === last.sequence + 1 && entry.previousHash === last.hash;
    if (!follows || hashOf(linked) !== hash) return entry.sequence;
    last = entry;
  }
  return undefined;
}

/**
 * The entry as every database gives it back: what JSON drops is gone, and a lone
 * surrogate, which has no UTF-8 form, is replaced before it is hashed.
 */
function storable(entry: AuditEntry): AuditEntry {
  return JSON.parse(JSON.stringify(entry), (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  ) as AuditEntry;
}

function hashOf(linked: Omit<ChainedEntry, 'hash'>): string {
  return sha256Hex(canonicalize(linked)!);
}
