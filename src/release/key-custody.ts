import { type KeyChange, type KeyStore, readOrgKeys } from '../delivery/key-store.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { KeyRole, OrgKey } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { parseRoot, type RootDocument } from '../signing/root.ts';

/** How long a root is good for. Whoever has seen none newer by then trusts nothing more. */
export const ROOT_LIFETIME_MS = 365 * 86_400_000;

/** One org's keys, and who does something about them. */
export interface KeyCustody {
  runtime: OrgRuntime;
  keys: KeyStore;
  master: MasterKey;
  clock: Clock;
  actor: string;
  requestId: string;
}

export interface RotationOrder {
  /** Get a new key each; none only renews the root. */
  roles: readonly KeyRole[];
  /** The old keys of these roles are in other hands: what they signed counts no longer. */
  compromised: boolean;
}

/** From the database rather than from memory: another node may have rotated. */
export async function readCustody({
  runtime,
  keys,
}: KeyCustody): Promise<{ stored: readonly OrgKey[]; latest: RootDocument }> {
  const { slug } = runtime.org;
  const { keys: stored, roots } = await readOrgKeys(keys, slug);
  const last = roots.at(-1);
  if (!last) throw new WaymarkError('SIGN_KEY_MISSING', `${slug} has no root yet`);
  return { stored, latest: parseRoot(Buffer.from(last.body)) };
}

/** @throws {WaymarkError} `RES_VERSION_CONFLICT` when another root came first */
export async function storeRoot(
  { runtime, keys, actor, requestId }: KeyCustody,
  change: Omit<KeyChange, 'org'>,
  action: string,
): Promise<RootDocument> {
  const { slug: org } = runtime.org;
  const root = parseRoot(Buffer.from(change.root.body));
  const what = { action, resource: `root/${root.version}`, after: summarizeRoot(root) };
  const entry = { at: change.at, tenant: org, actor, ...what, requestId };
  if (!(await keys.rotate({ ...change, org }, entry))) throw overtaken();
  await runtime.reloadKeys();
  return root;
}

/** Without the keys themselves, for answers and the audit log. */
export interface RootSummary extends Record<KeyRole, readonly string[]> {
  version: number;
  custody: RootDocument['custody'];
  expiresAt: string;
}

export const summarizeRoot = ({
  version,
  custody,
  expiresAt,
  roles: { root, release, index },
}: RootDocument): RootSummary => ({
  version,
  custody,
  expiresAt,
  root: root.keyids,
  release: release.keyids,
  index: index.keyids,
});

export const overtaken = (): WaymarkError =>
  new WaymarkError('RES_VERSION_CONFLICT', 'another rotation came first: look, then retry');
