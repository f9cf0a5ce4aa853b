import type { AuditEntry } from '../audit/entry.ts';
import type { ListFields, Listing, Page } from '../model/listing.ts';

export interface Org {
  slug: string;
  name: string;
  /** Stand in every signed document, so that one org's cannot pass for another's of the same name. */
  uid: string;
  repoUid: string;
  mode: 'hosted' | 'mirror';
  /** `creating` and `deleting` are completed by the reconciler after a crash. */
  state: 'creating' | 'active' | 'deleting';
  tier: Tier;
  createdAt: string;
  /** Of its name and tier. */
  version: number;
}

/** Requests a minute for each of an org's principals. */
export const TIERS = { standard: 1000, premium: 5000 } as const;
export type Tier = keyof typeof TIERS;

export const ORG_FIELDS: ListFields = {
  slug: { type: 'text', isSortable: true },
  name: { type: 'text', isSortable: true },
  mode: { type: 'text' },
  state: { type: 'text' },
  tier: { type: 'text' },
  createdAt: { type: 'time', isSortable: true },
};

export interface OrgStore {
  find(slug: string): Promise<Org | undefined>;
  /** By slug. */
  list(): Promise<Org[]>;
  page(listing: Listing): Promise<Page<Org>>;
  /** False, and nothing written, when the slug is taken. */
  insert(org: Org, entry: AuditEntry): Promise<boolean>;
  /** Saves name and tier, only while the stored version is `expected`; else false. */
  replace(org: Org, expected: number, entry: AuditEntry): Promise<boolean>;
  setState(slug: string, state: Org['state'], entry: AuditEntry): Promise<boolean>;
  /** Removes the org and every row of every table that carries its slug, but its audit rows. */
  remove(slug: string, entry: AuditEntry): Promise<void>;
}
