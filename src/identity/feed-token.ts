import type { AuditEntry } from '../audit/entry.ts';
import type { Listing, Page } from '../model/listing.ts';

/** What a feed shows: the content that one channel or release has, of some plugins or of all. */
export interface FeedSelector {
  /** At most one of these two; neither is the channel `rolling`. */
  channel?: string;
  release?: string;
  /** Absent: every plugin that the token may see. */
  plugins?: readonly string[];
}

/** For a tool that can send no header: it stands in the feed's address. Times are RFC 3339. */
export interface FeedToken {
  /** The `<id>` in `wmf_<id>_<secret>`. */
  id: string;
  org: string;
  name: string;
  selector: FeedSelector;
  /** Whose plugins it sees beside those that the whole org sees. */
  teams: readonly string[];
  /** SHA-256 of the secret, lower-case hex. */
  secretHash: string;
  createdAt: string;
  createdBy: string;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

export interface FeedTokenStore {
  find(id: string): Promise<FeedToken | undefined>;
  list(org: string, listing: Listing): Promise<Page<FeedToken>>;
  insert(token: FeedToken, entry: AuditEntry): Promise<void>;
  /** False when there is no such token in that org, or it is revoked already. */
  revoke(org: string, id: string, at: string, entry: AuditEntry): Promise<boolean>;
  touch(id: string, at: string): Promise<void>;
}
