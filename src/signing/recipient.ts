export interface RecipientKey {
  /** Upper-case hex of the primary key. */
  fingerprint: string;
  /** Upper-case hex of the subkey that is encrypted to. */
  subkey: string;
  /** The key as we store it. */
  armored: string;
}

/** @throws {WaymarkError} `DELIVERY_KEY_REFUSED` with the reason in words */
export async function checkRecipientKey(_armored: string): Promise<RecipientKey> {
  throw new Error('not yet');
}

/** One packet that gives the holder of this key the session key; a bundle is this and the body. */
export async function sessionKeyPacket(
  _publicKeyArmored: string,
  _sessionKey: Uint8Array,
): Promise<Uint8Array> {
  throw new Error('not yet');
}

/** A key pair that bundles can be encrypted to. */
export async function generateClientKey(
  _name: string,
): Promise<{ publicArmored: string; privateArmored: string; fingerprint: string }> {
  throw new Error('not yet');
}
