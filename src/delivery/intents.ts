import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../audit/entry.ts';
import type { PushedRef } from '../git/gate.ts';
import { isAncestor } from '../git/history.ts';
import type { Refs } from '../git/refs.ts';
import { toTime } from '../model/clock.ts';
import { ZERO_OID } from '../model/names.ts';
import type { Intent } from './publication.ts';

/** How long a ref may take to move after its intent: as long as a git child may hold a lock. */
const LEASE_MS = 30_000;

/** Who moves a ref, and what the audit log calls it. */
export type Cause = Pick<Intent, 'actor' | 'action' | 'requestId'>;

/** A cause with whoever brings the commit, where the actor is not alone in that. */
export type AuthoredCause = Cause & { authors?: readonly string[] };

/** One for each ref that is about to move. */
export function intentsOf(
  org: string,
  updates: readonly PushedRef[],
  cause: Cause,
  nowMs: number,
): Intent[] {
  const createdAt = toTime(nowMs);
  return updates.map(({ ref, old, new: newOid }) => ({
    opId: randomUUID(),
    org,
    ref,
    old,
    new: newOid,
    ...cause,
    createdAt,
  }));
}

/**
 * Which intents came true, and which never will. The others may still. A ref
 * comes to an oid once: a second intent for it is that of the same push, made
 * again after a crash.
 */
export async function judgeIntents(
  { repo, refs }: { repo: string; refs: Refs },
  intents: readonly Intent[],
  nowMs: number,
): Promise<{ done: Intent[]; dropped: Intent[] }> {
  const done = new Map<string, Intent>();
  const dropped: Intent[] = [];
  for (const intent of intents) {
    const now = (await refs.read(intent.ref)) ?? ZERO_OID;
    const isOld = nowMs - Date.parse(intent.createdAt) > LEASE_MS;
    const hasMoved = now === intent.new || (await isOvertaken(repo, intent, now));
    const move = `${intent.ref} ${intent.new}`;
    if (hasMoved && !done.has(move)) done.set(move, intent);
    else if (hasMoved || isOld) dropped.push(intent);
  }
  return { done: [...done.values()], dropped };
}

/** A later push went on from it, or merged it: it did happen. */
async function isOvertaken(repo: string, { ref, new: wanted }: Intent, now: string) {
  if (!ref.startsWith('refs/heads/') || now === ZERO_OID || wanted === ZERO_OID) return false;
  // It fails for a commit that never arrived.
  return await isAncestor(repo, wanted, now).catch(() => false);
}

/** What the audit log keeps of an intent that came true. */
export function auditEntryOf(intent: Intent, nowMs: number): AuditEntry {
  const { org, actor, action, ref, old, new: newOid, requestId } = intent;
  return {
    at: toTime(nowMs),
    tenant: org,
    actor,
    action,
    resource: ref,
    before: old === ZERO_OID ? null : old,
    after: newOid,
    ...(requestId === undefined ? {} : { requestId }),
  };
}
