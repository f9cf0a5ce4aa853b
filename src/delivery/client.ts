import type { AuditEntry } from '../audit/entry.ts';
import type { Role } from '../identity/roles.ts';

/** An installed consumer. Times are RFC 3339. */
export interface Client {
  org: string;
  /** UUIDv7. */
  id: string;
  name: string;
  labels: Readonly<Record<string, string>>;
  /** Armored OpenPGP, or null: then bundles come unencrypted where the org allows it. */
  publicKey: string | null;
  /** Upper-case hex of the primary key. */
  keyFingerprint: string | null;
  channel: string | null;
  environment: string | null;
  /** SHA-256 hex of the `wmc_` token. */
  tokenHash: string;
  /** The API key id whose live grants this client has. */
  enrolledBy: string;
  createdAt: string;
  revokedAt: string | null;
  version: number;
}

/** The last report, as sent, and when it was stored. */
export interface ClientState {
  org: string;
  clientId: string;
  /** JSON text, at most 1 MiB. */
  report: string;
  reportedAt: string;
}

export interface ClientStore {
  find(org: string, id: string): Promise<Client | undefined>;
  findByToken(tokenHash: string): Promise<Client | undefined>;
  /** By id, those after `afterId`; revoked ones left out. */
  list(org: string, afterId: string, limit: number): Promise<Client[]>;
  insert(client: Client, entry: AuditEntry): Promise<void>;
  /**
   * Saves the client and its audit entry in one transaction, only while the
   * stored version is `expected`; otherwise writes nothing and answers false.
   */
  replace(client: Client, expected: number, entry: AuditEntry): Promise<boolean>;
  /** One transaction for all; durable when it resolves. Of two for one client the later wins. */
  saveStates(states: readonly ClientState[]): Promise<void>;
  findState(org: string, clientId: string): Promise<ClientState | undefined>;
}

/** The roles that every client acts with, whatever its enroller may do. */
export const CLIENT_ROLES: readonly Role[] = ['client'];
