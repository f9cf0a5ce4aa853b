import { type Key, type PrivateKey, readKeys, readPrivateKey } from 'openpgp';
import { fingerprintOf } from './openpgp-config.ts';
import { signDetached } from './org-keys.ts';
import { invalid } from './verify.ts';

const MOST_ARMORED_CHARS = 16_384;

/** A root key that is kept away from the server. */
export interface OfflineRootKey {
  fingerprint: string;
  key: PrivateKey;
}

/** @throws {WaymarkError} `SIGN_INVALID` when it is none, or locked by a passphrase */
export async function readOfflineRootKey(armoredKey: string): Promise<OfflineRootKey> {
  const key = await readPrivateKey({ armoredKey }).catch((cause: unknown) => {
    throw invalid('the root key is no armored OpenPGP private key', cause);
  });
  if (!key.isDecrypted()) throw invalid('the root key is locked by a passphrase: sign with gpg');
  return { fingerprint: fingerprintOf(key), key };
}

/** Binary: the detached signatures of all keys, one behind the other, as a root has them. */
export async function signRootBody(
  body: string,
  keys: readonly OfflineRootKey[],
): Promise<Uint8Array> {
  const bytes = Buffer.from(body);
  return Buffer.concat(await Promise.all(keys.map(({ key }) => signDetached(key, bytes))));
}

/**
 * The public part of a root key that was made elsewhere.
 *
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function readRootPublicKey(
  armored: string,
): Promise<{ fingerprint: string; publicArmored: string; createdAt: string }> {
  const key = await readOnlyKey(armored);
  // Listed in a root it would be published.
  if (key.isPrivate()) throw invalid('the root key is a private one: send its public part');
  if (key.keyPacket.version !== 4) throw invalid('the root key is not of OpenPGP version 4');
  await key.getSigningKey(undefined, null).catch((cause: unknown) => {
    throw invalid('the root key cannot sign', cause);
  });
  return {
    fingerprint: fingerprintOf(key),
    publicArmored: key.armor(),
    createdAt: key.getCreationTime().toISOString(),
  };
}

async function readOnlyKey(armoredKeys: string): Promise<Key> {
  const isShort = armoredKeys.length <= MOST_ARMORED_CHARS;
  const [key, ...others] = isShort ? await readKeys({ armoredKeys }).catch(() => []) : [];
  if (key && others.length === 0) return key;
  throw invalid('the root key is not one armored OpenPGP public key');
}
