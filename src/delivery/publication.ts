import type { AuditEntry } from '../audit/entry.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { HookEvent } from '../plugin-host/events/event.ts';

/**
 * What an org serves on one channel. `rolling` is `main`; the row is moved by
 * compare and swap only.
 */
export interface ActivePointer {
  org: string;
  channel: string;
  /** The commit that should be served: the head of `main`. */
  desired: string;
  /** The commit that is served: the last that compiled. '' before the first. */
  active: string;
  /** SHA-256 hex of the snapshot (rolling) or resolution (other channels) artifact. '' before the first. */
  digest: string;
  /** Never goes back: the larger of the last + 1 and the Unix time in seconds. 0 = not yet stored. */
  sequence: number;
  /** Why `active` is behind `desired`; empty when it is not. */
  diagnostics: readonly Diagnostic[];
}

/** A ref about to move. Written before the ref, closed after the projection. */
export interface Intent {
  opId: string;
  org: string;
  ref: string;
  old: string;
  new: string;
  actor: string;
  /** `push`, `release.publish`, `edit`, … : the audit action that follows. */
  action: string;
  createdAt: string;
  requestId?: string;
}

/** The database's copy of one plugin in one accepted release tag. */
export interface ReleaseRow {
  org: string;
  /** `sales--v1.4.0` or `release/2026-11`. */
  tag: string;
  tagOid: string;
  plugin: string;
  version: string;
  seq: number;
  commit: string;
  tree: string;
  contentDigest: string;
  publishedAt: string;
  publishedBy: string;
  notes: string;
  /** SHA-256 hex of the stored PluginRecord artifact that this release serves. */
  recordDigest: string;
}

/** One atomic step of what is served. */
export interface Projection {
  org: string;
  pointers: readonly { next: ActivePointer; expectedSequence: number }[];
  /** Added; a row with the same (org, tag, plugin) is left as it is. */
  releases: readonly ReleaseRow[];
  /** Intents that are now done. */
  closes: readonly string[];
  entries: readonly AuditEntry[];
  events?: readonly HookEvent[];
}

export interface PublicationStore {
  pointers(org: string): Promise<ActivePointer[]>;
  releases(org: string): Promise<ReleaseRow[]>;
  openIntents(intents: readonly Intent[]): Promise<void>;
  /** Oldest first. */
  pendingIntents(org: string): Promise<Intent[]>;
  /** For intents whose ref never moved; one audit entry is optional. */
  dropIntents(opIds: readonly string[]): Promise<void>;
  /**
   * One transaction. False, and nothing written, when a pointer's stored
   * sequence is not the expected one (0 = no row yet). Of an intent that was
   * closed before, its audit entry is not written again: `entries[i]` belongs
   * to `closes[i]` where both exist; further entries are always written.
   */
  project(projection: Projection): Promise<boolean>;
}
