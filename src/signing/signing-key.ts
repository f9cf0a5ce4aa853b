/** A private Ed25519 key that makes OpenPGP v4 signatures. */
export interface SigningKey {
  /** Upper-case hex, 40 digits. */
  fingerprint: string;
  createdAt: Date;
}
