import { toTime } from '../model/clock.ts';
import { generateOrgKeys, openKeyring } from '../signing/org-keys.ts';
import { type RootDocument, rotateRoot } from '../signing/root.ts';
import { succeedKeys } from '../signing/succession.ts';
import {
  type KeyCustody,
  ROOT_LIFETIME_MS,
  type RotationOrder,
  readCustody,
  storeRoot,
} from './key-custody.ts';

/**
 * Gives roles new keys. The new root is signed by the old root key and by the
 * new one; what is delivered is signed anew from then on.
 *
 * @throws {WaymarkError} `SIGN_KEY_MISSING` where the root key is kept offline,
 *   `RES_VERSION_CONFLICT` when another rotation came first
 */
export async function rotateKeys(
  custody: KeyCustody,
  { roles, compromised }: RotationOrder,
): Promise<RootDocument> {
  const { runtime, master, clock } = custody;
  const now = clock();
  const at = toTime(now);
  const { stored, latest } = await readCustody(custody);
  const previous = openKeyring(stored, master);
  // Before new ones are made, which would be for nothing.
  await previous.privateKey('root');

  const add = await generateOrgKeys({ org: runtime.org.slug, at, roles }, master);
  const { listed, retire } = succeedKeys(stored, latest, { added: add, at, compromised });
  const terms = {
    issuedAt: at,
    expiresAt: toTime(now + ROOT_LIFETIME_MS),
    custody: 'server' as const,
  };
  const keyrings = { previous, next: openKeyring(listed, master) };
  const root = await rotateRoot(latest, terms, listed, keyrings);
  // What signs nothing more need not be kept where it can be stolen.
  const change = { add, retire, forget: retire, at, root };
  return await storeRoot(custody, change, 'keys.rotate');
}
