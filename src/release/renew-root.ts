import { WaymarkError } from '../model/errors.ts';
import { type KeyCustody, ROOT_LIFETIME_MS, readCustody } from './key-custody.ts';
import { rotateKeys } from './rotate-keys.ts';

/** Early enough for clients that come once a quarter: they must meet the new root before the old one ends. */
const RENEWED_BEFORE_MS = ROOT_LIFETIME_MS / 2;

/**
 * Issues the root again before it expires, with the same keys; an expired one
 * would stop every client. A root whose key is kept offline is its owner's to renew.
 *
 * @returns whether there is a new root
 */
export async function renewRoot(custody: KeyCustody): Promise<boolean> {
  const { latest } = await readCustody(custody);
  const isYoung = Date.parse(latest.expiresAt) - custody.clock() > RENEWED_BEFORE_MS;
  if (latest.custody !== 'server' || isYoung) return false;
  try {
    await rotateKeys(custody, { roles: [], compromised: false });
    return true;
  } catch (error) {
    // Another node was first, which serves as well.
    if (error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT') return false;
    throw error;
  }
}
