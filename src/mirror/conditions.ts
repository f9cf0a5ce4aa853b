import { v7 as uuidv7 } from 'uuid';
import type { AuditEntry } from '../audit/entry.ts';
import { type Clock, toTime } from '../model/clock.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Condition, ConditionKind, UpstreamStore } from './upstream.ts';

/** What a sync met and did not follow. */
export interface Finding {
  kind: ConditionKind;
  ref: string;
  old: string;
  new: string;
  diagnostics?: readonly Diagnostic[];
}

export const MIRROR_ACTOR = 'system:mirror';

interface Deps {
  upstreams: UpstreamStore;
  clock: Clock;
}

/** Raises what is new, and clears what holds no longer, because it was undone, fixed or accepted. */
export async function settleConditions(
  org: string,
  findings: readonly Finding[],
  { upstreams, clock }: Deps,
): Promise<void> {
  const held = await upstreams.conditions(org);
  const at = toTime(clock());
  const isSame = (finding: Finding, condition: Condition) =>
    finding.kind === condition.kind &&
    finding.ref === condition.ref &&
    finding.new === condition.new;
  const raise = findings
    .filter((finding) => !held.some((condition) => isSame(finding, condition)))
    .map((finding) => conditionOf(org, finding, at));
  const cleared = held.filter(
    (condition) => !findings.some((finding) => isSame(finding, condition)),
  );
  if (raise.length === 0 && cleared.length === 0) return;
  const entries = [
    ...raise.map((condition) => entryOf('raise', condition, at)),
    ...cleared.map((condition) => entryOf('clear', condition, at)),
  ];
  await upstreams.changeConditions(org, { raise, clear: cleared.map(({ id }) => id), entries });
}

function conditionOf(
  org: string,
  { diagnostics = [], ...finding }: Finding,
  at: string,
): Condition {
  const unseen = { acceptedAt: null, acceptedBy: null };
  return { org, id: uuidv7(), ...finding, diagnostics, raisedAt: at, ...unseen };
}

const entryOf = (verb: 'raise' | 'clear', condition: Condition, at: string): AuditEntry => ({
  at,
  tenant: condition.org,
  actor: MIRROR_ACTOR,
  action: `upstream-condition.${verb}`,
  resource: condition.id,
  after: { kind: condition.kind, ref: condition.ref, old: condition.old, new: condition.new },
});

/**
 * Lets the next sync follow what a condition is about: exactly that, and nothing
 * that came after it. A release that is published stays as it is.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`, `RES_STATE_CONFLICT`
 */
export async function acceptCondition(
  id: string,
  { org, actor, requestId }: { org: string; actor: string; requestId: string },
  { upstreams, clock }: Deps,
): Promise<Condition> {
  const held = await upstreams.conditions(org);
  const condition = held.find((one) => one.id === id);
  if (!condition) throw new WaymarkError('RES_NOT_FOUND', `there is no condition ${id}`);
  if (condition.kind === 'broken-commit') {
    const message = 'a commit that does not compile cannot be accepted: fix it upstream';
    throw new WaymarkError('RES_STATE_CONFLICT', message);
  }
  const accepted = { at: toTime(clock()), by: actor };
  const { kind, ref, old, new: oid } = condition;
  const entry = {
    at: accepted.at,
    tenant: org,
    actor,
    action: 'upstream-condition.accept',
    resource: id,
    after: { kind, ref, old, new: oid },
    requestId,
  };
  if (condition.acceptedAt === null && (await upstreams.accept(org, id, accepted, entry))) {
    return { ...condition, acceptedAt: accepted.at, acceptedBy: actor };
  }
  throw new WaymarkError('RES_STATE_CONFLICT', 'the condition was accepted already');
}
