import { type Clock, toTime } from '../model/clock.ts';
import type { ListFields, Listing, Page } from '../model/listing.ts';
import { type Checkpoint, signCheckpoint } from '../signing/checkpoint.ts';
import type { Keyring } from '../signing/org-keys.ts';
import type { AuditEntry, AuditStore } from './entry.ts';
import type { Logger } from './logger.ts';

export interface CheckpointStore {
  latest(tenant: string): Promise<Checkpoint | undefined>;
  list(tenant: string, listing: Listing): Promise<Page<Checkpoint>>;
  /**
   * In one transaction with the entry that says who asked for it, where somebody did. False, and
   * nothing written, when there is one at that sequence.
   */
  insert(checkpoint: Checkpoint, entry?: AuditEntry): Promise<boolean>;
}

export const CHECKPOINT_FIELDS = {
  sequence: { type: 'number', isSortable: true },
  at: { type: 'time' },
} as const satisfies ListFields;

/** An org whose log is vouched for. */
interface Signing {
  org: { slug: string };
  keyring: Keyring;
}

export interface CheckpointDeps {
  audit: Pick<AuditStore, 'head'>;
  checkpoints: CheckpointStore;
  clock: Clock;
}

/**
 * Signs where the org's log stands now. Undefined where it has no entry, or where nothing was
 * added since the last checkpoint.
 *
 * @param who asked for it; the log itself then tells
 */
export async function makeCheckpoint(
  { audit, checkpoints, clock }: CheckpointDeps,
  { org, keyring }: Signing,
  who?: { actor: string; requestId: string },
): Promise<Checkpoint | undefined> {
  const tenant = org.slug;
  const head = await audit.head(tenant);
  const latest = await checkpoints.latest(tenant);
  if (!head || head.sequence === latest?.sequence) return undefined;
  const at = toTime(clock());
  const checkpoint = await signCheckpoint(keyring, { tenant, ...head, at });
  const { sequence, hash } = head;
  const what = { action: 'audit.checkpoint', resource: String(sequence), after: { hash } };
  const isFirst = await checkpoints.insert(checkpoint, who && { at, tenant, ...who, ...what });
  return isFirst ? checkpoint : await checkpoints.latest(tenant);
}

/** For the hourly job. One org's fault does not keep the others' logs from being vouched for. */
export async function makeCheckpoints(
  deps: CheckpointDeps & { runtimes: { all(): readonly Signing[] }; log: Logger },
): Promise<void> {
  for (const runtime of deps.runtimes.all()) {
    await makeCheckpoint(deps, runtime).catch((error: unknown) => {
      deps.log.error({ org: runtime.org.slug, error }, 'no checkpoint of the audit log was made');
    });
  }
}
