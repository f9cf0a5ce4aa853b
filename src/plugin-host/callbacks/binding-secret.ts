import type { AuditEntry } from '../../audit/entry.ts';
import type { BindingRef } from '../contract/wire.ts';

/** A secret that belongs to one binding: wrapped by the master key, for its place alone. */
export interface StoredBindingSecret {
  org: string;
  scope: BindingRef['scope'];
  binding: string;
  /** Git holds it: `{secretRef: <name>}`. */
  name: string;
  /** Of the configuration. */
  field: string;
  /** Which plugin it was given to, with its source: `registry:example`. */
  plugin: string;
  /** Where the configuration led when the secret was given; nowhere when empty. */
  origins: readonly string[];
  wrapped: string;
  updatedAt: string;
  /** An actor, as in the audit log. */
  updatedBy: string;
}

export interface BindingSecretStore {
  find(org: string, ref: BindingRef, name: string): Promise<StoredBindingSecret | undefined>;
  /** Of one binding, by name. */
  list(org: string, ref: BindingRef): Promise<StoredBindingSecret[]>;
  /** Those that have any. */
  bindings(org: string): Promise<BindingRef[]>;
  /** Stores each in place of the one of its name. */
  put(secrets: readonly StoredBindingSecret[], entry: AuditEntry): Promise<void>;
  /** Without an entry where there is none of them. */
  remove(org: string, ref: BindingRef, names: readonly string[], entry: AuditEntry): Promise<void>;
}
