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

export interface AuditStore {
  /** Ascending; at most `limit` entries after `afterSequence`. */
  list(tenant: string, afterSequence: number, limit: number): Promise<ChainedEntry[]>;
}
