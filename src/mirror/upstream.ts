import type { AuditEntry } from '../audit/entry.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ProviderSettings } from './provider/settings.ts';

/** Where a mirrored org's registry comes from. The secret itself lies in the secret store. */
export interface UpstreamSettings {
  /** `https://…` or `ssh://user@…`, in its usual form; without a password. */
  url: string;
  branch: string;
  /** Over https: whose password or token the secret is. */
  username: string | null;
  /** The name of a secret: a password or token over https, a private key over ssh. */
  secretRef: string | null;
  /** Over ssh: the host's keys, as lines of a `known_hosts` file. */
  knownHosts: string | null;
  provider: ProviderSettings | null;
}

/** Why the last attempt failed. `message` names no host, address or secret. */
export interface SyncFault {
  reason: string;
  message: string;
}

/** Why something could not be written upstream. */
export interface WriteFault extends SyncFault {
  what: 'status' | 'release';
}

export interface SyncStatus {
  /** The commit of the branch that was last fetched and verified. */
  head: string | null;
  lastAttemptAt: string | null;
  lastSuccessAt: string | null;
  lastError: SyncFault | null;
}

export const NEVER_SYNCED: SyncStatus = {
  head: null,
  lastAttemptAt: null,
  lastSuccessAt: null,
  lastError: null,
};

/** What the audit log keeps of settings: hosts' keys are long, and public. */
export const auditedUpstream = (settings: UpstreamSettings) => {
  const { url, branch, username, secretRef, provider } = settings;
  return { url, branch, username, secretRef, provider };
};

export interface Upstream extends UpstreamSettings, SyncStatus {
  org: string;
  /** Why the last attempt to write something upstream failed; null once one succeeded. */
  lastWriteError: WriteFault | null;
  /** Of the settings. */
  version: number;
}

/** Something upstream that is not followed until a person has looked at it. */
export interface Condition {
  org: string;
  /** UUIDv7. */
  id: string;
  kind: ConditionKind;
  /** As the upstream names it. */
  ref: string;
  old: string;
  /** The zero oid where the ref is gone. */
  new: string;
  /** Of a broken commit; else empty. */
  diagnostics: readonly Diagnostic[];
  raisedAt: string;
  acceptedAt: string | null;
  acceptedBy: string | null;
}

/** A broken commit cannot be accepted: it takes another commit. */
export type ConditionKind = 'force-push' | 'tag-moved' | 'tag-vanished' | 'broken-commit';

export interface ConditionChange {
  raise: readonly Condition[];
  /** Ids of those that hold no longer. */
  clear: readonly string[];
  entries: readonly AuditEntry[];
}

export interface UpstreamStore {
  find(org: string): Promise<Upstream | undefined>;
  insert(upstream: Upstream, entry: AuditEntry): Promise<void>;
  /** False, and nothing written, unless the stored settings have this version. */
  replace(
    org: string,
    settings: UpstreamSettings,
    expected: number,
    entry: AuditEntry,
  ): Promise<boolean>;
  /** Not in the audit log: it happens every minute. */
  saveStatus(org: string, status: SyncStatus): Promise<void>;
  saveWriteError(org: string, fault: WriteFault | null): Promise<void>;
  /** Those that hold, the oldest first. */
  conditions(org: string): Promise<Condition[]>;
  changeConditions(org: string, change: ConditionChange): Promise<void>;
  /** False, and nothing written, unless it holds and nobody has accepted it. */
  accept(
    org: string,
    id: string,
    accepted: { at: string; by: string },
    entry: AuditEntry,
  ): Promise<boolean>;
}
