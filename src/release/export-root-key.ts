import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { OrgKey } from '../signing/keys.ts';
import { openKeyring, unwrapPrivate } from '../signing/org-keys.ts';
import { rotateRoot } from '../signing/root.ts';
import { succeedKeys } from '../signing/succession.ts';
import { type KeyCustody, ROOT_LIFETIME_MS, readCustody, storeRoot } from './key-custody.ts';

export interface ExportedRootKey {
  fingerprint: string;
  /** The armored private key, without a passphrase. */
  armored: string;
  /** Of the newest root: one that says `offline` when the key was taken away. */
  rootVersion: number;
  custody: 'server' | 'offline';
}

/**
 * Hands the private root key out, and with `remove` takes it off the server:
 * the next root, the last one that is signed here, says so.
 *
 * @throws {WaymarkError} `SIGN_KEY_MISSING` when it was taken away before
 */
export async function exportRootKey(
  custody: KeyCustody,
  { remove }: { remove: boolean },
): Promise<ExportedRootKey> {
  const { stored, latest } = await readCustody(custody);
  const key = stored.findLast(({ role, retiredAt }) => role === 'root' && retiredAt === null);
  const wrapped = key && (await readRecorded(custody, key));
  if (!key || !wrapped) throw notHere(custody.runtime.org.slug);
  const armored = unwrapPrivate(key, wrapped, custody.master);

  const root = remove ? await takeOffline(custody, stored, latest) : latest;
  const { version: rootVersion, custody: kept } = root;
  return { fingerprint: key.fingerprint, armored, rootVersion, custody: kept };
}

/** Before the key is opened: nobody gets it whom the audit log does not name. */
function readRecorded(
  { runtime, keys, clock, actor, requestId }: KeyCustody,
  { org, fingerprint }: OrgKey,
): Promise<string | null> {
  const { slug: tenant } = runtime.org;
  const what = { action: 'keys.export-root', resource: fingerprint };
  const entry = { at: toTime(clock()), tenant, actor, ...what, requestId };
  return keys.exportPrivate(org, fingerprint, entry);
}

async function takeOffline(
  custody: KeyCustody,
  stored: readonly OrgKey[],
  latest: Parameters<typeof rotateRoot>[0],
) {
  const { clock, master } = custody;
  const now = clock();
  const at = toTime(now);
  const { listed } = succeedKeys(stored, latest, { added: [], at, compromised: false });
  const keyring = openKeyring(stored, master);
  const terms = {
    issuedAt: at,
    expiresAt: toTime(now + ROOT_LIFETIME_MS),
    custody: 'offline' as const,
  };
  const root = await rotateRoot(latest, terms, listed, { previous: keyring, next: keyring });
  const forget = stored.filter(({ role }) => role === 'root').map((key) => key.fingerprint);
  return await storeRoot(custody, { add: [], retire: [], forget, at, root }, 'keys.remove-root');
}

const notHere = (org: string): WaymarkError =>
  new WaymarkError(
    'SIGN_KEY_MISSING',
    `the root key of ${org} is not on this server: it was taken away before`,
  );
