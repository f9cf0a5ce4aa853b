import type { AuditEntry } from '../audit/entry.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { isAncestor } from '../git/history.ts';
import { runGit } from '../git/run.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import { type ChangeRequest, type ChangeRequestStore, isActive, refOf } from './change-request.ts';

export interface Settling {
  changeRequests: ChangeRequestStore;
  runtime: OrgRuntime;
  clock: Clock;
}

const RECONCILER = 'system:reconciler';
/** A merge that has not moved its ref by then never will: as long as an intent may stay open. */
const LEASE_MS = 30_000;

/** Request number → the heads at which it was last seen to have something to merge. */
const memos = new WeakMap<OrgRuntime, Map<number, string>>();

/** Every active request of an org, as the refs say. */
export async function settleAll(settling: Settling): Promise<void> {
  const { changeRequests, runtime } = settling;
  if (runtime.org.mode === 'mirror') return;
  const active = await changeRequests.active(runtime.org.slug);
  if (active.length > 0) await settle(settling, active);
}

/**
 * Brings active requests up to their branches: a branch that was pushed to moves
 * the head, one that is gone closes the request, and one whose commits have
 * reached the target has been merged, by whomever. A step that a crash
 * interrupted is completed here.
 *
 * @returns the requests as they are stored now, in the same order
 */
export async function settle(
  settling: Settling,
  requests: readonly ChangeRequest[],
): Promise<ChangeRequest[]> {
  // What becomes of a mirror's is for its upstream to say.
  if (settling.runtime.org.mode === 'mirror') return [...requests];
  const branches = await settling.runtime.refs.list('refs/heads/');
  const contained = await findContained(settling.runtime, requests, branches);
  const settled: ChangeRequest[] = [];
  for (const request of requests) {
    settled.push(
      isActive(request) ? await settleOne(settling, request, branches, contained) : request,
    );
  }
  return settled;
}

type Branches = ReadonlyMap<string, string>;

async function settleOne(
  settling: Settling,
  request: ChangeRequest,
  branches: Branches,
  contained: Contained,
): Promise<ChangeRequest> {
  const { changeRequests, clock } = settling;
  const next = await nextState(settling, request, branches, contained);
  if (!next) return request;
  const at = toTime(clock());
  const changed = { ...request, ...next.state, updatedAt: at, version: request.version + 1 };
  const { org, number, version } = request;
  const resource = `change-requests/${number}`;
  const entry = next.told && { at, tenant: org, actor: RECONCILER, resource, ...next.told };
  if (await changeRequests.replace(changed, version, entry)) return changed;
  // Somebody was first: what they wrote is judged by what the branches are then.
  const [again] = await settle(settling, [(await changeRequests.find(org, number))!]);
  return again!;
}

interface NextState {
  state: Partial<ChangeRequest>;
  /** None for what nobody has to be told of. */
  told?: Pick<AuditEntry, 'action'> & Partial<AuditEntry>;
}

async function nextState(
  settling: Settling,
  request: ChangeRequest,
  branches: Branches,
  contained: Contained,
): Promise<NextState | undefined> {
  const { pending, source, target, head: before } = request;
  if (pending?.step === 'branch') {
    await startBranch(settling.runtime, request, pending.requestId);
    return { state: { pending: null } };
  }
  const targetHead = branches.get(refOf(target));
  if (pending) {
    const { commit, base, by, requestId, at } = pending;
    if (targetHead && (await hasReached(settling.runtime, commit, targetHead))) {
      const who = { actor: by, ...(requestId && { requestId }) };
      const told = { action: 'change.merge', after: { commit }, ...who };
      return { state: merged(settling, commit, base), told };
    }
    if (settling.clock() - Date.parse(at) > LEASE_MS) return { state: { pending: null } };
    return undefined;
  }
  const head = branches.get(refOf(source));
  if (head === undefined) return { state: { status: 'closed' }, told: { action: 'change.close' } };
  if (contained.has(request.number)) {
    const told = { action: 'change.merge', after: { commit: head } };
    return { state: merged(settling, head, null), told };
  }
  if (head === before) return undefined;
  return { state: { head }, told: { action: 'change.follow', before, after: head } };
}

const merged = ({ clock }: Settling, mergeCommit: string, mergeBase: string | null) =>
  ({
    status: 'merged',
    mergedAt: toTime(clock()),
    mergeCommit,
    mergeBase,
    pending: null,
  }) as const;

const hasReached = async ({ repo }: OrgRuntime, commit: string, head: string): Promise<boolean> =>
  commit === head || (await isAncestor(repo, commit, head));

/** The branch of a request that was made from operations. Two may try: the ref is made once. */
async function startBranch(
  runtime: OrgRuntime,
  { source, head, author: actor }: ChangeRequest,
  requestId: string | undefined,
): Promise<void> {
  const update = { ref: refOf(source), old: ZERO_OID, new: head };
  try {
    const cause = { actor, action: 'change.branch', ...(requestId && { requestId }) };
    await runtime.moveRef(update, cause);
  } catch (error) {
    if (!(error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT')) throw error;
  }
}

/** The numbers of requests whose head their target has already. */
type Contained = ReadonlySet<number>;

/**
 * One process for each target, whatever the number of requests, and none where
 * no branch has moved since the last look.
 */
async function findContained(
  runtime: OrgRuntime,
  requests: readonly ChangeRequest[],
  branches: Branches,
): Promise<Contained> {
  const memo = memos.get(runtime) ?? new Map<number, string>();
  memos.set(runtime, memo);
  const headsOf = ({ source, target }: ChangeRequest) =>
    `${branches.get(refOf(source))} ${branches.get(refOf(target))}`;
  const moved = requests.filter((one) => isActive(one) && memo.get(one.number) !== headsOf(one));
  const found = new Set<string>();
  for (const target of new Set(moved.map((one) => one.target))) {
    const targetHead = branches.get(refOf(target));
    if (targetHead === undefined) continue;
    const list = [
      'for-each-ref',
      `--merged=${targetHead}`,
      '--format=%(objectname)',
      'refs/heads/',
    ];
    const heads = (await runGit(runtime.repo, list)).toString().split('\n');
    for (const head of heads.filter(Boolean)) found.add(`${target} ${head}`);
  }
  const contained = new Set<number>();
  for (const one of moved) {
    const head = branches.get(refOf(one.source));
    if (found.has(`${one.target} ${head}`)) contained.add(one.number);
    else memo.set(one.number, headsOf(one));
  }
  return contained;
}
