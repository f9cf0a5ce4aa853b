import {
  armor,
  createMessage,
  enums,
  generateKey,
  type PrivateKey,
  readPrivateKey,
  sign,
} from 'openpgp';
import { WaymarkError } from '../model/errors.ts';
import { KEY_ROLES, type KeyRole, type OrgKey } from './keys.ts';
import type { MasterKey } from './master-key.ts';
import { COMPATIBLE, fingerprintOf } from './openpgp-config.ts';

/** An org's keys in use; each private key is opened once, when first needed. */
export interface Keyring {
  /** Upper-case hex of the key in use. */
  fingerprint(role: KeyRole): string;
  /** The armored public key in use. */
  publicKey(role: KeyRole): string;
  /** @throws {WaymarkError} `SIGN_KEY_MISSING` when the private part is not on this server */
  privateKey(role: KeyRole): Promise<PrivateKey>;
  /**
   * Binary detached signature. Equal bytes and time give equal bytes; without a
   * time it is the key's creation, since freshness is the document's to state.
   */
  sign(role: KeyRole, bytes: Uint8Array, at?: Date): Promise<Uint8Array>;
  /** The armored signature by the release key that git puts behind a tag's text. */
  signTagPayload(payload: string, at?: Date): Promise<string>;
}

/** One new key pair a role. @param request `at` is an RFC 3339 time; `roles` defaults to all three */
export async function generateOrgKeys(
  { org, at, roles = KEY_ROLES }: { org: string; at: string; roles?: readonly KeyRole[] },
  master: MasterKey,
): Promise<OrgKey[]> {
  return Promise.all(roles.map((role) => generateOrgKey(org, role, at, master)));
}

async function generateOrgKey(
  org: string,
  role: KeyRole,
  at: string,
  master: MasterKey,
): Promise<OrgKey> {
  const { privateArmored, fingerprint, publicArmored } = await generateKeyPair({ org, role, at });
  const place = placeOf({ org, role, fingerprint });
  const wrappedPrivate = master.wrap(Buffer.from(privateArmored), place);
  return { org, role, fingerprint, publicArmored, wrappedPrivate, createdAt: at, retiredAt: null };
}

export interface KeyPair {
  /** Upper-case hex. */
  fingerprint: string;
  publicArmored: string;
  privateArmored: string;
}

/** @param of `at` is an RFC 3339 time */
export async function generateKeyPair(of: {
  org: string;
  role: KeyRole;
  at: string;
}): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKey({
    userIDs: { name: `Waymark ${of.org}`, comment: of.role },
    type: 'ecc',
    curve: 'curve25519Legacy',
    date: new Date(of.at),
    format: 'object',
    config: COMPATIBLE,
  });
  return {
    fingerprint: fingerprintOf(publicKey),
    publicArmored: publicKey.armor(),
    privateArmored: privateKey.armor(),
  };
}

/** A wrapped key opens in its own place only: no org can be given another's. */
const placeOf = ({ org, role, fingerprint }: KeyPlace) => `${org}/${role}/${fingerprint}`;

export type KeyPlace = Pick<OrgKey, 'org' | 'role' | 'fingerprint'>;

/** @param keys an org's keys; of each role the newest that is not retired is in use */
export function openKeyring(keys: readonly OrgKey[], master: MasterKey): Keyring {
  const inUse = new Map(
    keys.filter((key) => key.retiredAt === null).map((key) => [key.role, key] as const),
  );
  const opened = new Map<KeyRole, Promise<PrivateKey>>();

  function keyOf(role: KeyRole): OrgKey {
    const key = inUse.get(role);
    if (!key) throw new WaymarkError('SIGN_KEY_MISSING', `the org has no ${role} key in use`);
    return key;
  }

  async function privateKey(role: KeyRole): Promise<PrivateKey> {
    const key = opened.get(role) ?? openPrivateKey(keyOf(role), master);
    opened.set(role, key);
    return key;
  }

  async function sign(role: KeyRole, bytes: Uint8Array, at?: Date): Promise<Uint8Array> {
    return signDetached(await privateKey(role), bytes, at);
  }

  return {
    fingerprint: (role) => keyOf(role).fingerprint,
    publicKey: (role) => keyOf(role).publicArmored,
    privateKey,
    sign,
    signTagPayload: async (payload, at) =>
      armorSignature(await sign('release', Buffer.from(payload), at)),
  };
}

async function openPrivateKey(key: OrgKey, master: MasterKey): Promise<PrivateKey> {
  if (key.wrappedPrivate === null) {
    const message = `the ${key.role} key ${key.fingerprint} is not on this server: sign where it is kept`;
    throw new WaymarkError('SIGN_KEY_MISSING', message);
  }
  return readPrivateKey({ armoredKey: unwrapPrivate(key, key.wrappedPrivate, master) });
}

/** @throws {WaymarkError} `SIGN_KEY_MISSING` when it was wrapped elsewhere, or for another key */
export const unwrapPrivate = (key: KeyPlace, wrapped: string, master: MasterKey): string =>
  Buffer.from(master.unwrap(wrapped, placeOf(key))).toString();

/**
 * A key that this server made and gave out wrapped: all that it is follows from
 * its private part, so that nothing else that came back with it is believed.
 *
 * @throws {WaymarkError} `SIGN_KEY_MISSING` when it does not open
 */
export async function reopenOrgKey(
  key: KeyPlace,
  wrappedPrivate: string,
  master: MasterKey,
): Promise<OrgKey> {
  const { org, role } = key;
  const opened = await readPrivateKey({ armoredKey: unwrapPrivate(key, wrappedPrivate, master) });
  return {
    org,
    role,
    fingerprint: fingerprintOf(opened),
    publicArmored: opened.toPublic().armor(),
    wrappedPrivate,
    createdAt: opened.getCreationTime().toISOString(),
    retiredAt: null,
  };
}

export async function signDetached(
  key: PrivateKey,
  bytes: Uint8Array,
  at?: Date,
): Promise<Uint8Array> {
  return sign({
    message: await createMessage({ binary: bytes }),
    signingKeys: key,
    detached: true,
    date: signingTime(key, at),
    format: 'binary',
    config: COMPATIBLE,
  });
}

/** No signature is older than its key, even where the clock went back: it would never verify. */
export function signingTime(key: PrivateKey, at: Date = key.getCreationTime()): Date {
  const created = key.getCreationTime();
  return at < created ? created : at;
}

/** The `-----BEGIN PGP SIGNATURE-----` form of a binary signature, as `….asc` and tags have it. */
export function armorSignature(signature: Uint8Array): string {
  // With a checksum: without one gpg 2.2 misreads a text that ends unpadded.
  return armor(enums.armor.signature, signature, undefined, undefined, undefined, true);
}
