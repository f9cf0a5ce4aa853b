import type { AuditEntry } from '../audit/entry.ts';

export interface Org {
  slug: string;
  name: string;
  /** Stand in every signed document, so that one org's cannot pass for another's of the same name. */
  uid: string;
  repoUid: string;
  mode: 'hosted' | 'mirror';
  /** `creating` and `deleting` are completed by the reconciler after a crash. */
  state: 'creating' | 'active' | 'deleting';
  createdAt: string;
}

export interface OrgStore {
  find(slug: string): Promise<Org | undefined>;
  /** By slug. */
  list(): Promise<Org[]>;
  /** False, and nothing written, when the slug is taken. */
  insert(org: Org, entry: AuditEntry): Promise<boolean>;
  setState(slug: string, state: Org['state'], entry: AuditEntry): Promise<boolean>;
  /** Removes the org and every row of every table that carries its slug, but its audit rows. */
  remove(slug: string, entry: AuditEntry): Promise<void>;
}
