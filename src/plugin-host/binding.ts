import type { BindingRef } from './contract/wire.ts';

/** One configuration of one server part, as the served registry has it. */
export interface Binding extends BindingRef {
  pluginId: string;
  /** Of a namespace's. */
  namespaceId: string | null;
  departmentId: string | null;
  /** Of an integration's: `scm.github`. */
  type?: string;
  isEnabled: boolean;
  /** As in git: secrets are `{secretRef}`. */
  config: Readonly<Record<string, unknown>>;
  /** Of an integration's document, as in git. */
  credentials?: Readonly<Record<string, { secretRef: string }>>;
  /** Of its document. */
  path: string;
  /** SHA-256 hex of the RFC 8785 form of `config`; with credentials, of both. */
  configDigest: string;
  /** A namespace's: whose events reach it; nothing when absent. */
  covers?: { plugins?: readonly string[]; environments?: readonly string[] };
}
