import type { JWK } from 'jose';
import type { AuditEntry } from '../audit/entry.ts';

/** A key pair that this site signs access tokens with. */
export interface TokenKey {
  /** From 1. Each replaces the one before it. */
  sequence: number;
  /** The public key's thumbprint (RFC 7638). */
  kid: string;
  publicJwk: JWK;
  /** A JWK, wrapped by the master key; null once another has replaced it. */
  wrappedPrivate: string | null;
  createdAt: string;
}

export interface TokenKeyStore {
  /** Ascending by `sequence`. */
  list(): Promise<TokenKey[]>;
  /**
   * Adds a key in the place of the one before it, whose private part is
   * forgotten; those that had been replaced already are removed. False, and
   * nothing written, when there is one of that `sequence`.
   */
  rotate(key: TokenKey, entry: AuditEntry): Promise<boolean>;
}
