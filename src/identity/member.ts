import type { AuditEntry } from '../audit/entry.ts';
import type { Listing, Page } from '../model/listing.ts';
import type { Role } from './roles.ts';

/** What a person is in one org. Teams are the registry's, in git. */
export interface Member {
  org: string;
  userId: string;
  roles: readonly Role[];
  departments: readonly string[];
  /** RFC 3339. */
  createdAt: string;
  version: number;
}

/** As it is shown: with who it is. */
export interface NamedMember extends Member {
  username: string;
  displayName: string;
}

/** `last-owner`: an org that has an owner keeps one. */
export type MemberOutcome = 'done' | 'changed-meanwhile' | 'last-owner';

export interface MemberStore {
  find(org: string, userId: string): Promise<NamedMember | undefined>;
  list(org: string, listing: Listing): Promise<Page<NamedMember>>;
  /** A person's memberships, by org. */
  listOf(userId: string): Promise<Member[]>;
  /** False, and nothing written, when the person is a member already. */
  insert(member: Member, entry: AuditEntry): Promise<boolean>;
  /** Only while the stored version is `expected`. */
  replace(member: Member, expected: number, entry: AuditEntry): Promise<MemberOutcome>;
  /**
   * Only while the stored version is `expected`, and with the revocation of the person's API keys
   * of that org.
   */
  remove(member: Member, at: string, entry: AuditEntry): Promise<MemberOutcome>;
}
