import type { AuditEntry, ChainedEntry, ChainLink } from '../model/audit-chain.ts';
import type { ListFields, Listing, Page } from '../model/listing.ts';

export type { AuditEntry, ChainedEntry };

export interface AuditStore {
  /** Ascending; at most `limit` entries after `afterSequence`. */
  list(tenant: string, afterSequence: number, limit: number): Promise<ChainedEntry[]>;
  page(tenant: string, listing: Listing): Promise<Page<ChainedEntry>>;
  /** The last entry's place; undefined before the first. */
  head(tenant: string): Promise<ChainLink | undefined>;
  /** For what changes nothing that is stored: whatever does adds its entry with the change. */
  append(entry: AuditEntry): Promise<void>;
  /** Whether some entry says that the resource came to be `after`. */
  tells(tenant: string, resource: string, after: string): Promise<boolean>;
}

/** What a list of entries may be filtered by. */
export const AUDIT_FIELDS = {
  sequence: { type: 'number', isSortable: true },
  at: { type: 'time' },
  actor: { type: 'text' },
  action: { type: 'text' },
  resource: { type: 'text' },
  requestId: { type: 'text' },
} as const satisfies ListFields;
