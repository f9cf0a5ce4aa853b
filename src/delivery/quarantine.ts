import type { AuditEntry } from '../audit/entry.ts';
import type { Fence } from '../model/fence.ts';

/** A registry whose repository was found damaged: what was served stays served, nothing is written. */
export interface Quarantine {
  org: string;
  since: string;
  /** What git said. May name server paths: for the log and the database alone. */
  reason: string;
}

/** Writes answer false, and do nothing, when the run has been overtaken or nothing changes. */
export interface QuarantineStore {
  find(org: string): Promise<Quarantine | undefined>;
  begin(quarantine: Quarantine, run: Fence, entry: AuditEntry): Promise<boolean>;
  end(org: string, run: Fence, entry: AuditEntry): Promise<boolean>;
}
