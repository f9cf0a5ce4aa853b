import type { AuditEntry } from '../audit/entry.ts';

/** Somebody who has logged in with a browser. Times are RFC 3339. */
export interface Session {
  /** The `<id>` in `wms_<id>_<secret>`. */
  id: string;
  userId: string;
  /** SHA-256 of the secret, lower-case hex. */
  secretHash: string;
  /** The org chosen at log-in. */
  org: string | null;
  /** Teams that an OIDC issuer's group claims stand for, each as `<org>/<team>`. */
  teams: readonly string[];
  createdAt: string;
  lastSeenAt: string;
  /** However much it is used. */
  expiresAt: string;
}

export interface SessionStore {
  find(id: string): Promise<Session | undefined>;
  /** In one transaction with the end of the session that it replaces, if there is one. */
  insert(session: Session, entry: AuditEntry, replacedId?: string): Promise<void>;
  touch(id: string, at: string): Promise<void>;
  /** False when it has ended already. */
  end(id: string, entry: AuditEntry): Promise<boolean>;
  /** Those past their end, and those not seen since `seenBefore`; answers how many. */
  removeExpired(at: string, seenBefore: string): Promise<number>;
}
