import type { AuditEntry } from '../audit/entry.ts';
import type { Listing, Page } from '../model/listing.ts';

/** A person of the site; what they may do in an org, their membership says. Times are RFC 3339. */
export interface User {
  /** UUIDv7. */
  id: string;
  /** Unique, in lower case; `members[].user` of an Access file names them by it. */
  username: string;
  displayName: string;
  email: string | null;
  /** As `Passwords.hash` gives it. Null: they log in elsewhere, by OIDC. */
  passwordHash: string | null;
  isSiteAdmin: boolean;
  createdAt: string;
  disabledAt: string | null;
  version: number;
}

/** Who somebody is for an OIDC issuer. `subject` never changes there; an e-mail address may. */
export interface ExternalIdentity {
  issuer: string;
  subject: string;
}

export interface UserStore {
  find(id: string): Promise<User | undefined>;
  findByName(username: string): Promise<User | undefined>;
  findByIdentity(identity: ExternalIdentity): Promise<User | undefined>;
  list(listing: Listing): Promise<Page<User>>;
  /** False, and nothing written, when the name or the identity is taken. */
  insert(user: User, entry: AuditEntry, identity?: ExternalIdentity): Promise<boolean>;
  /**
   * Only while the stored version is `expected`; otherwise writes nothing and answers false. Ends
   * the user's sessions where the password hash is another, and where the user is disabled.
   */
  replace(user: User, expected: number, entry: AuditEntry): Promise<boolean>;
  /** With memberships and sessions; the user's API keys are revoked. False when there is none. */
  remove(id: string, at: string, entry: AuditEntry): Promise<boolean>;
}
