import type { AuditEntry } from '../audit/entry.ts';
import type { Listing, Page } from '../model/listing.ts';
import type { PluginScope } from '../model/permissions.ts';
import type { Permission, Role } from './roles.ts';

/** `org: null` is a site admin's key. Times are RFC 3339. */
export interface ApiKey {
  /** The `<id>` in `wmk_<id>_<secret>`. */
  id: string;
  org: string | null;
  name: string;
  /** SHA-256 of the secret, lower-case hex. */
  secretHash: string;
  /** The person the key stands for, as `members[].user` in an Access file names them. */
  user: string | null;
  /** Whose it is, where that is a person in the database: it ends with what they may do. */
  userId: string | null;
  /** Teams the key carries beside those that its user is a member of. */
  teams: readonly string[];
  roles: readonly Role[];
  /** What of its roles' permissions it has, and which plugins it may call; null for all. */
  scopes: readonly (Permission | PluginScope)[] | null;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

export interface ApiKeyStore {
  find(id: string): Promise<ApiKey | undefined>;
  /** @param userId only the keys of this person; `org: null` lists site admins' keys */
  list(org: string | null, listing: Listing, userId?: string): Promise<Page<ApiKey>>;
  /** Site admins' keys, those that have ended included. */
  listOfSite(): Promise<ApiKey[]>;
  insert(key: ApiKey, entry: AuditEntry): Promise<void>;
  /** False when there is no such key in that org, or it is revoked already. */
  revoke(org: string | null, id: string, at: string, entry: AuditEntry): Promise<boolean>;
  touch(id: string, at: string): Promise<void>;
}
