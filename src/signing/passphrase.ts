import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { createMasterKey, type MasterKey } from './master-key.ts';

/** Half a second of one core and 128 MiB for every guess. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
const PLACE = 'passphrase';

/** Something encrypted under a passphrase; both base64. */
export interface PassphraseSealed {
  kdf: 'scrypt';
  salt: string;
  sealed: string;
}

export async function sealByPassphrase(
  bytes: Uint8Array,
  passphrase: string,
): Promise<PassphraseSealed> {
  const salt = randomBytes(16);
  const key = await keyOf(passphrase, salt);
  return { kdf: 'scrypt', salt: salt.toString('base64'), sealed: key.wrap(bytes, PLACE) };
}

/** @throws {WaymarkError} `SIGN_KEY_MISSING` when it is another passphrase, or was altered */
export async function openByPassphrase(
  { salt, sealed }: PassphraseSealed,
  passphrase: string,
): Promise<Uint8Array> {
  return (await keyOf(passphrase, Buffer.from(salt, 'base64'))).unwrap(sealed, PLACE);
}

async function keyOf(passphrase: string, salt: Buffer): Promise<MasterKey> {
  const derive = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);
  return createMasterKey(await derive(passphrase.normalize('NFKC'), salt, 32, COST));
}
