import type { Signature } from '../git/commit.ts';
import { isAncestor } from '../git/history.ts';
import { writeCommit } from '../git/write.ts';
import type { Permission } from '../identity/roles.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { authorOf, WAYMARK } from './author.ts';
import { withoutVoice } from './authors.ts';
import { type ChangeRequest, isActive, type PendingStep, refOf } from './change-request.ts';
import { settle } from './change-request-settle.ts';
import { type Changing, getOwn, headsOf } from './change-requests.ts';
import { type Check, type Evaluation, evaluate } from './checks.ts';
import { checkHandedOut, MAIN } from './edit.ts';
import { approvalsCheck, type Tally, tallyOf } from './review.ts';
import { signerOf } from './signer.ts';

export type MergeMethod = 'fast-forward' | 'merge' | 'squash';

export interface MergeRequest {
  method: MergeMethod;
  /** Merges this commit or nothing. */
  head?: string | undefined;
  /** Of the new commit, instead of the title and description. */
  message?: string | undefined;
}

/** Who merges; without permissions, who may hand out none. */
export interface Merging extends Changing {
  permissions?: ReadonlySet<Permission>;
}

/** Why a request cannot be merged, for `details.reasons`. */
export interface Reason {
  code: 'GATE_DRAFT' | 'GATE_CHECK_FAILED' | 'GATE_CHECK_PENDING';
  check?: Check['name'];
  message: string;
}

/** A request with all that decides whether it can be merged. */
export interface Judged {
  request: ChangeRequest;
  evaluation: Evaluation;
  tally: Tally;
  /** Those of the commits, and `approvals`. */
  checks: readonly Check[];
}

export async function judge(changing: Changing, request: ChangeRequest): Promise<Judged> {
  const { runtime, changeRequests } = changing;
  const heads = await headsOf(runtime, request);
  const evaluation = await evaluate(changing, heads);
  const reviews = await changeRequests.reviews(request.org, request.number);
  const tally = tallyOf(reviews, request, await withoutVoice(changing, request, reviews));
  const needed = heads.isMain ? runtime.protection.approvals : 0;
  return {
    request,
    evaluation,
    tally,
    checks: [...evaluation.checks, approvalsCheck(tally, needed)],
  };
}

/** Empty for a request that can be merged, conflicts aside. */
export function reasonsAgainst({ request, checks }: Judged): Reason[] {
  const draft: Reason[] =
    request.status === 'draft' ? [{ code: 'GATE_DRAFT', message: 'it is a draft' }] : [];
  const gates = checks.flatMap(({ name, status, summary }): Reason[] => {
    if (status === 'passed') return [];
    const code = status === 'failed' ? 'GATE_CHECK_FAILED' : 'GATE_CHECK_PENDING';
    return [{ code, check: name, message: `${name}: ${summary}` }];
  });
  return [...draft, ...gates];
}

export const isMergeable = (judged: Judged): boolean =>
  judged.request.status === 'open' &&
  judged.evaluation.tree !== undefined &&
  reasonsAgainst(judged).length === 0;

/**
 * Brings a request's commits into its target. The target's move is the commit
 * point: what a crash leaves after it, `settle` completes.
 *
 * @throws {WaymarkError} `RES_STATE_CONFLICT` (with `conflicts` where the branches
 *   do not merge), `RES_VERSION_CONFLICT` when either branch has moved,
 *   `CHANGE_NOT_MERGEABLE` with its reasons, `REG_GATE_REFUSED`, `PERM_DENIED` for roles that
 *   allow more than the caller may
 */
export async function mergeChange(
  changing: Merging,
  number: number,
  { method, head, message }: MergeRequest,
): Promise<ChangeRequest> {
  const { runtime, actor, requestId, permissions = new Set() } = changing;
  const request = await getOwn(changing, number);
  checkState(request, head);
  const judged = await judge(changing, request);
  checkMergeable(judged);
  const { targetHead } = judged.evaluation;
  const commit = await composeResult(changing, judged, { method, message });
  const diagnostics = await runtime.checkCommit(commit);
  if (diagnostics.length > 0) {
    const refusal = `${request.target} would not compile`;
    throw new WaymarkError('REG_GATE_REFUSED', refusal, { details: { diagnostics } });
  }
  if (refOf(request.target) === MAIN) await checkHandedOut(runtime, commit, permissions);
  const who = { by: actor, ...(requestId && { requestId }) };
  const at = toTime(changing.clock());
  const begun = await begin(changing, request, {
    step: 'merge',
    commit,
    base: targetHead,
    ...who,
    at,
  });
  const update = { ref: refOf(request.target), old: targetHead, new: commit };
  try {
    // What is squashed into a branch is still theirs when that is proposed in turn.
    const authors = await runtime.authors.between(request.head, targetHead);
    const cause = { actor, action: 'change.merge', ...(requestId && { requestId }) };
    await runtime.moveRef(update, { ...cause, authors: [request.author, ...authors] });
  } catch (error) {
    // After any other fault the target may have moved all the same.
    const hasStayed = error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT';
    if (hasStayed) await giveUp(changing, begun);
    throw error;
  }
  const [merged] = await settle(changing, [begun]);
  return merged!;
}

function checkState({ number, status, head: now, source }: ChangeRequest, head?: string): void {
  if (!isActive({ status })) {
    throw new WaymarkError('RES_STATE_CONFLICT', `change request ${number} is ${status}`);
  }
  if (head === undefined || head === now) return;
  const message = `${source} has moved: look at what is new, then merge it`;
  throw new WaymarkError('RES_VERSION_CONFLICT', message, { details: { head: now } });
}

function checkMergeable(judged: Judged): void {
  const { request, evaluation } = judged;
  const { number, source, target } = request;
  if (evaluation.tree === undefined) {
    const { conflicts } = evaluation;
    const message = `${source} and ${target} changed the same lines: merge ${target} into ${source}, and push it`;
    throw new WaymarkError('RES_STATE_CONFLICT', message, { details: { conflicts } });
  }
  const reasons = reasonsAgainst(judged);
  if (reasons.length === 0) return;
  const why = reasons.map((reason) => reason.message).join('; ');
  const message = `change request ${number} cannot be merged: ${why}`;
  throw new WaymarkError('CHANGE_NOT_MERGEABLE', message, { details: { reasons } });
}

/** @throws {WaymarkError} `RES_STATE_CONFLICT` when the target cannot be forwarded */
async function composeResult(
  changing: Changing,
  judged: Judged,
  { method, message }: Pick<MergeRequest, 'method' | 'message'>,
): Promise<string> {
  const { runtime, clock } = changing;
  const { request } = judged;
  const { head, targetHead, tree } = judged.evaluation;
  if (method === 'fast-forward') {
    if (await isAncestor(runtime.repo, targetHead, head)) return head;
    const { source, target } = request;
    const why = `${target} has commits that ${source} has not: choose merge or squash`;
    throw new WaymarkError('RES_STATE_CONFLICT', why);
  }
  const atSec = Math.floor(clock() / 1000);
  return await writeCommit({
    repo: runtime.repo,
    tree: tree!,
    parents: method === 'merge' ? [targetHead, head] : [targetHead],
    message: messageOf(judged, message),
    author: { ...authorOf(request.author), atSec },
    committer: { ...WAYMARK, atSec },
    sign: signerOf(runtime, atSec),
  });
}

function messageOf({ request, tally }: Judged, chosen: string | undefined): string {
  const { title, description, number } = request;
  const text = chosen ?? `${title}\n\n${description}`;
  const trailers = [
    `Change-Request: #${number}`,
    ...tally.approvedBy.map((reviewer) => `Reviewed-by: ${personOf(reviewer)}`),
  ];
  return `${text.trim()}\n\n${trailers.join('\n')}\n`;
}

const personOf = (actor: string): string => {
  const { name, email }: Omit<Signature, 'atSec'> = authorOf(actor);
  return `${name} <${email}>`;
};

async function begin(
  { changeRequests }: Changing,
  request: ChangeRequest,
  pending: PendingStep,
): Promise<ChangeRequest> {
  const begun = { ...request, pending, version: request.version + 1 };
  const isFree = request.pending === null;
  if (isFree && (await changeRequests.replace(begun, request.version))) return begun;
  const message = `change request ${request.number} is being changed or merged: read it, then retry`;
  throw new WaymarkError('RES_VERSION_CONFLICT', message);
}

/** Lets others merge it at once. Where somebody wrote meanwhile, the step lapses by itself. */
async function giveUp({ changeRequests }: Changing, begun: ChangeRequest): Promise<void> {
  const free = { ...begun, pending: null, version: begun.version + 1 };
  await changeRequests.replace(free, begun.version);
}
