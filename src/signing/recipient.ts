import { LRUCache } from 'lru-cache';
import {
  encryptSessionKey,
  enums,
  generateKey,
  type Key,
  readKey,
  readKeys,
  type Subkey,
} from 'openpgp';
import { WaymarkError } from '../model/errors.ts';
import { COMPATIBLE, fingerprintOf } from './openpgp-config.ts';

export interface RecipientKey {
  /** Upper-case hex of the primary key. */
  fingerprint: string;
  /** Upper-case hex of the subkey (or primary key) that is encrypted to. */
  subkey: string;
  /** The key as we store it: without the comments and text around it. */
  armored: string;
}

/** A key with thousands of signatures would be parsed again and again. */
const MOST_ARMORED_CHARS = 65_536;

/** The bit of a key's features that asks for SEIPD v1. */
const MODIFICATION_DETECTION = 1;

/**
 * Keys by their stored form, with the signatures that were verified: verifying
 * them again is most of what one more recipient costs. Each use still looks at
 * the dates.
 */
const keysRead = new LRUCache<string, Key>({ max: 1000 });

const READ_BY_GPG = new Set<enums.publicKey>([
  enums.publicKey.rsaEncryptSign,
  enums.publicKey.rsaEncrypt,
  enums.publicKey.rsaSign,
  enums.publicKey.ecdh,
  enums.publicKey.ecdsa,
  enums.publicKey.eddsaLegacy,
]);

/**
 * Takes only what gpg 2.2 decrypts with, so that a client is never sent a
 * bundle that its tools cannot open.
 *
 * @throws {WaymarkError} `DELIVERY_KEY_REFUSED` with the reason in words
 */
export async function checkRecipientKey(armored: string, now = new Date()): Promise<RecipientKey> {
  const key = keysRead.get(armored) ?? (await readOnlyKey(armored));
  if (key.isPrivate()) {
    throw refused('it is a private key, and now known to this server: make a new one');
  }
  checkForm(key.keyPacket);
  await checkUsable(key, now);
  const subkey = await findEncryptionKey(key, now);
  checkForm(subkey.keyPacket);
  const stored = key.armor();
  keysRead.set(stored, key);
  return { fingerprint: fingerprintOf(key), subkey: fingerprintOf(subkey), armored: stored };
}

async function readOnlyKey(armoredKeys: string): Promise<Key> {
  if (armoredKeys.length > MOST_ARMORED_CHARS) {
    throw refused(`it is longer than ${MOST_ARMORED_CHARS} characters: export it minimised`);
  }
  const keys = await readKeys({ armoredKeys }).catch((cause: unknown) => {
    throw refused('it is no armored OpenPGP public key that can be read', cause);
  });
  const [key, ...others] = keys;
  if (!key || others.length > 0) throw refused(`it holds ${keys.length} keys: send exactly one`);
  return key;
}

function checkForm({ version, algorithm }: Key['keyPacket'] | Subkey['keyPacket']): void {
  if (version !== 4) throw refused(`it is a version ${version} key, which gpg 2.2 does not read`);
  if (READ_BY_GPG.has(algorithm)) return;
  const name = enums.read(enums.publicKey, algorithm);
  throw refused(`its algorithm is ${name}, which gpg 2.2 does not read or which is unsafe`);
}

async function checkUsable(key: Key, now: Date): Promise<void> {
  try {
    await key.verifyPrimaryKey(now);
    const { selfCertification } = await key.getPrimaryUser(now);
    const features = selfCertification.features?.[0] ?? MODIFICATION_DETECTION;
    if (!(features & MODIFICATION_DETECTION)) {
      throw refused('it asks for AEAD encryption only, which gpg 2.2 does not read');
    }
  } catch (cause) {
    throw cause instanceof WaymarkError ? cause : refused(reasonOf(cause), cause);
  }
}

async function findEncryptionKey(key: Key, now: Date): Promise<Key | Subkey> {
  return key.getEncryptionKey(undefined, now).catch((cause: unknown) => {
    throw refused(`it has no subkey to encrypt to (${reasonOf(cause)})`, cause);
  });
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : 'unknown');

const refused = (reason: string, cause?: unknown): WaymarkError =>
  new WaymarkError('DELIVERY_KEY_REFUSED', `the public key is refused: ${reason}`, {}, { cause });

/**
 * The packet that gives the holder of this key the session key. A bundle is this
 * packet and the body.
 *
 * @throws {WaymarkError} `DELIVERY_KEY_REFUSED` when the key has expired since it was enrolled
 */
export async function sessionKeyPacket(
  publicKeyArmored: string,
  sessionKey: Uint8Array,
  now = new Date(),
): Promise<Uint8Array> {
  const key = keysRead.get(publicKeyArmored) ?? (await readKey({ armoredKey: publicKeyArmored }));
  await findEncryptionKey(key, now);
  return encryptSessionKey({
    data: sessionKey,
    algorithm: 'aes256',
    encryptionKeys: key,
    date: now,
    format: 'binary',
    config: COMPATIBLE,
  });
}

/** A key pair that bundles can be encrypted to. The private part is not protected by a passphrase. */
export async function generateClientKey(
  name: string,
  now = new Date(),
): Promise<{ publicArmored: string; privateArmored: string; fingerprint: string }> {
  const { publicKey, privateKey } = await generateKey({
    userIDs: { name, comment: 'Waymark client' },
    type: 'ecc',
    curve: 'curve25519Legacy',
    date: now,
    format: 'object',
    config: COMPATIBLE,
  });
  return {
    publicArmored: publicKey.armor(),
    privateArmored: privateKey.armor(),
    fingerprint: fingerprintOf(publicKey),
  };
}
