import canonicalize from 'canonicalize';
import { sha256Hex } from './digest.ts';

/** One line of an org's audit log, before it is chained. `tenant` is the org's slug, or `*` for the site. */
export interface AuditEntry {
  at: string;
  tenant: string;
  /** `user:`, `key:`, `client:` or `system:` and an id. */
  actor: string;
  /** `<resource>.<verb>`, such as `release.publish`. */
  action: string;
  resource: string;
  before?: unknown;
  after?: unknown;
  requestId?: string;
}

/** `hash` = SHA-256 hex of the RFC 8785 form of every other field, `previousHash` included. */
export interface ChainedEntry extends AuditEntry {
  /** From 1, without gaps, per tenant. */
  sequence: number;
  previousHash: string;
  hash: string;
}

/** A place in a tenant's chain: whoever knows it knows all that came before. */
export type ChainLink = Pick<ChainedEntry, 'sequence' | 'hash'>;

/** What the first entry of a tenant names as the one before it. */
export const CHAIN_START = '0'.repeat(64);

const START: ChainLink = { sequence: 0, hash: CHAIN_START };

/** Links an entry behind `previous`, the tenant's last (undefined: there is none yet). */
export function chainEntry(previous: ChainLink | undefined, entry: AuditEntry): ChainedEntry {
  const { sequence, hash: previousHash } = previous ?? START;
  const linked = { ...storable(entry), sequence: sequence + 1, previousHash };
  return { ...linked, hash: hashOf(linked) };
}

export interface ChainReport {
  ok: boolean;
  entries: number;
  /** The first sequence that was altered, moved or cut off, or that follows a missing one. */
  firstBreak?: number;
  /** The sequences that are not there, at most 100 stretches of them. */
  gaps: { from: number; to: number }[];
}

const MOST_GAPS = 100;

/** Recomputes one tenant's chain, entry by entry, in the order in which they are given. */
export class ChainCheck {
  #tenant: string | undefined;
  readonly #kept: ReadonlyMap<number, string>;
  readonly #gaps: { from: number; to: number }[] = [];
  #last: ChainLink;
  #entries = 0;
  #firstBreak: number | undefined;

  /** @param terms `kept` are places that the chain must go through; it starts behind `previous`; `tenant` defaults to the first entry's */
  constructor(
    terms: { tenant?: string; previous?: ChainLink | undefined; kept?: readonly ChainLink[] } = {},
  ) {
    const { tenant, previous = START, kept = [] } = terms;
    this.#tenant = tenant;
    this.#last = previous;
    this.#kept = new Map(kept.map(({ sequence, hash }) => [sequence, hash]));
  }

  add(entry: ChainedEntry): void {
    const { hash, ...linked } = entry;
    const next = this.#last.sequence + 1;
    this.#tenant ??= entry.tenant;
    const holds =
      entry.sequence === next &&
      entry.previousHash === this.#last.hash &&
      entry.tenant === this.#tenant &&
      // Whoever rewrites the end of a chain can do so with hashes that fit.
      (this.#kept.get(entry.sequence) ?? hash) === hash &&
      hashOf(linked) === hash;
    if (!holds) this.#firstBreak ??= entry.sequence;
    if (entry.sequence > next) this.#miss(next, entry.sequence - 1);
    this.#last = entry;
    this.#entries += 1;
  }

  finish(): ChainReport {
    const { sequence } = this.#last;
    const end = Math.max(sequence, ...this.#kept.keys());
    if (end > sequence) {
      this.#firstBreak ??= sequence + 1;
      this.#miss(sequence + 1, end);
    }
    const firstBreak = this.#firstBreak;
    const found = firstBreak === undefined ? { ok: true } : { ok: false, firstBreak };
    return { ...found, entries: this.#entries, gaps: this.#gaps };
  }

  #miss(from: number, to: number): void {
    if (this.#gaps.length < MOST_GAPS) this.#gaps.push({ from, to });
  }
}

/** The first break of a part of a chain that is at hand; `entries` start behind `previous`. */
export function findBreak(
  entries: readonly ChainedEntry[],
  previous?: ChainLink,
): number | undefined {
  const check = new ChainCheck({ previous });
  for (const entry of entries) check.add(entry);
  return check.finish().firstBreak;
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
