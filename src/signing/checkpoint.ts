import canonicalize from 'canonicalize';
import type { ChainLink } from '../model/audit-chain.ts';
import type { Keyring } from './org-keys.ts';
import { invalid, verifyDetached } from './verify.ts';

/** Where an org's audit log stood at some time, signed by its index key. */
export interface Checkpoint extends ChainLink {
  tenant: string;
  /** RFC 3339. */
  at: string;
  /** Upper-case hex of the key that signed. */
  keyId: string;
  /** Base64 of a binary detached OpenPGP signature. */
  signature: string;
}

/** By the `index` key: unlike the root's it is always at hand, and what it says goes out of date too. */
export async function signCheckpoint(
  keyring: Keyring,
  terms: Pick<Checkpoint, 'tenant' | 'sequence' | 'hash' | 'at'>,
): Promise<Checkpoint> {
  const { tenant, sequence, hash, at } = terms;
  const stated = { tenant, sequence, hash, at, keyId: keyring.fingerprint('index') };
  const signature = await keyring.sign('index', signedText(stated), new Date(at));
  return { ...stated, signature: Buffer.from(signature).toString('base64') };
}

/**
 * @param keys the armored index keys that are trusted
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function verifyCheckpoint(
  { signature, ...stated }: Checkpoint,
  keys: readonly string[],
): Promise<void> {
  const body = signedText(stated);
  const signers = await verifyDetached({ body, signature: Buffer.from(signature, 'base64'), keys });
  if (!signers.includes(stated.keyId))
    throw invalid('the checkpoint names another key than signed it');
}

/**
 * Named by its type, or what the same key signs elsewhere could be taken for it.
 *
 * @see docs/spec/audit.md, "Checkpoints"
 */
function signedText({ tenant, sequence, hash, at, keyId }: Omit<Checkpoint, 'signature'>): Buffer {
  const stated = { _type: 'audit-checkpoint', tenant, sequence, hash, at, keyId };
  return Buffer.from(canonicalize(stated)!);
}
