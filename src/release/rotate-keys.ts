import type { OrgRuntime } from '../delivery/runtime.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { KeyRole, KeyStore } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { generateOrgKeys, openKeyring } from '../signing/org-keys.ts';
import { parseRoot, rotateRoot } from '../signing/root.ts';

const YEAR_MS = 365 * 86_400_000;

/**
 * Replaces keys of the roles named. The new root is signed by the old root key
 * and by the new one; what is delivered is signed anew from then on.
 */
export async function rotateKeys(
  runtime: OrgRuntime,
  roles: readonly KeyRole[],
  { keys, master, clock }: { keys: KeyStore; master: MasterKey; clock: Clock },
): Promise<{ version: number; roles: readonly KeyRole[] }> {
  const { slug: org } = runtime.org;
  const latest = (await keys.roots(org)).at(-1);
  if (!latest) throw new WaymarkError('SIGN_KEY_MISSING', `${org} has no root yet`);
  const now = clock();
  const at = toTime(now);
  const added = await generateOrgKeys({ org, at, roles }, master);
  const retire = runtime.keys
    .filter(({ role, retiredAt }) => retiredAt === null && roles.includes(role))
    .map(({ fingerprint }) => fingerprint);
  const all = [
    ...runtime.keys.map((key) =>
      retire.includes(key.fingerprint) ? { ...key, retiredAt: at } : key,
    ),
    ...added,
  ];
  const terms = { issuedAt: at, expiresAt: toTime(now + YEAR_MS), custody: 'server' as const };
  const keyrings = { previous: runtime.keyring, next: openKeyring(all, master) };
  const root = await rotateRoot(parseRoot(Buffer.from(latest.body)), terms, all, keyrings);
  if (!(await keys.rotate({ org, add: added, retire, at, root }))) {
    throw new WaymarkError('RES_VERSION_CONFLICT', 'another rotation came first: look, then retry');
  }
  await runtime.reloadKeys();
  return { version: root.version, roles };
}
