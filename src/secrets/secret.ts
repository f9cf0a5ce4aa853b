import type { AuditEntry } from '../audit/entry.ts';
import type { Listing, Page } from '../model/listing.ts';

/** A secret of an org as it is stored: wrapped by the master key, for its org and name alone. */
export interface StoredSecret {
  org: string;
  name: string;
  wrapped: string;
  updatedAt: string;
  /** An actor, as in the audit log. */
  updatedBy: string;
}

export interface SecretStore {
  find(org: string, name: string): Promise<StoredSecret | undefined>;
  list(org: string, listing: Listing): Promise<Page<StoredSecret>>;
  /** Stores it in place of the one of that name. */
  put(secret: StoredSecret, entry: AuditEntry): Promise<void>;
  /** False, and nothing written, where there is none. */
  remove(org: string, name: string, entry: AuditEntry): Promise<boolean>;
}
