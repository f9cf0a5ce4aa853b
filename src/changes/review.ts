import { v7 as newId } from 'uuid';
import type { Caller } from '../identity/caller.ts';
import { toTime } from '../model/clock.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { approvalRecorded, touchedPlugins } from './approval-events.ts';
import { authorsOf, personIn } from './authors.ts';
import { type ChangeRequest, isActive, type Review, type Verdict } from './change-request.ts';
import type { Settling } from './change-request-settle.ts';
import type { Check } from './checks.ts';

export interface ReviewRequest {
  verdict: Verdict;
  body?: string | undefined;
  /** What the reviewer looked at. */
  head: string;
}

type Reviewer = Pick<Caller, 'actor' | 'user' | 'isProxy'>;

/**
 * Adds a review to an active request.
 *
 * @throws {WaymarkError} `RES_STATE_CONFLICT`, `RES_VERSION_CONFLICT` when the
 *   branch has moved on, `PERM_DENIED` for a verdict that is not the caller's to give
 */
export async function addReview(
  { changeRequests, runtime, clock }: Settling,
  request: ChangeRequest,
  { verdict, body = '', head }: ReviewRequest,
  { caller, requestId }: { caller: Reviewer; requestId: string },
): Promise<Review> {
  const { org, number, status } = request;
  if (!isActive(request)) {
    throw new WaymarkError('RES_STATE_CONFLICT', `change request ${number} is ${status}`);
  }
  if (head !== request.head) {
    const message = `${request.source} has moved: look at what is new, then review it`;
    throw new WaymarkError('RES_VERSION_CONFLICT', message, { details: { head: request.head } });
  }
  if (verdict !== 'commented') {
    checkPerson(caller);
    const authors = await authorsOf(runtime, request);
    const earlier = await changeRequests.reviews(org, number);
    checkOther(authors, tallyOf(earlier, request), { verdict, actor: caller.actor });
  }
  const at = toTime(clock());
  const { actor: reviewer } = caller;
  const review = { org, number, id: newId(), reviewer, verdict, body, head, createdAt: at };
  const entry = {
    at,
    tenant: org,
    actor: reviewer,
    action: 'change.review',
    resource: `change-requests/${number}`,
    after: { verdict, head },
    requestId,
  };
  const plugins = await touchedPlugins(runtime, request);
  await changeRequests.addReview(review, entry, approvalRecorded(request, review, plugins));
  return review;
}

function checkPerson({ user, isProxy }: Reviewer): void {
  // Else one person with two keys would be two people.
  if (user === null) {
    const message = 'a verdict is a person’s: use a key that stands for a user';
    throw new WaymarkError('PERM_DENIED', message);
  }
  // Else whoever makes keys would have the voices of everyone.
  if (isProxy) {
    const message = 'a verdict is a person’s own: log in, or use a key that you made yourself';
    throw new WaymarkError('PERM_DENIED', message);
  }
}

/** Whoever asked for changes and then made them may take that back; it counts for nothing more. */
function checkOther(
  authors: ReadonlySet<string>,
  { rejectedBy }: Tally,
  { verdict, actor }: { verdict: Verdict; actor: string },
): void {
  const person = personIn(actor);
  const isTakenBack = verdict === 'approved' && rejectedBy.map(personIn).includes(person);
  if (!authors.has(person) || isTakenBack) return;
  const message =
    'your own change is for another to approve or reject: you opened it, brought a commit of it, or made the key that did';
  throw new WaymarkError('PERM_DENIED', message);
}

export const isStale = (review: Review, { head }: Pick<ChangeRequest, 'head'>): boolean =>
  review.head !== head;

export interface Tally {
  /** Who approves the head, each once. */
  approvedBy: string[];
  /** Who approves the head, and does not count. */
  unheard: string[];
  /** Who asked for changes and has not said otherwise since, whatever was pushed. */
  rejectedBy: string[];
}

/**
 * What the reviewers think now: of each the last verdict. `reviews` are in their order.
 *
 * @param mute reviewers whose approval does not count
 */
export function tallyOf(
  reviews: readonly Review[],
  request: Pick<ChangeRequest, 'head'>,
  mute: ReadonlySet<string> = new Set(),
): Tally {
  const last = new Map<string, Review>();
  for (const review of reviews) {
    if (review.verdict !== 'commented') last.set(personIn(review.reviewer), review);
  }
  const verdicts = [...last.values()];
  const approving = verdicts
    .filter((review) => review.verdict === 'approved' && !isStale(review, request))
    .map(({ reviewer }) => reviewer);
  const rejections = verdicts.filter(({ verdict }) => verdict === 'changes_requested');
  return {
    approvedBy: approving.filter((reviewer) => !mute.has(reviewer)),
    unheard: approving.filter((reviewer) => mute.has(reviewer)),
    rejectedBy: rejections.map(({ reviewer }) => reviewer),
  };
}

/** @param needed approvals that the target asks for */
export function approvalsCheck({ approvedBy, unheard, rejectedBy }: Tally, needed: number): Check {
  const diagnostics: Diagnostic[] = [];
  const isEnough = approvedBy.length >= needed;
  const status = rejectedBy.length > 0 ? 'failed' : isEnough ? 'passed' : 'pending';
  const count = `${approvedBy.length} of ${needed} approvals`;
  const asked = rejectedBy.length > 0 ? `, changes requested by ${rejectedBy.join(', ')}` : '';
  const ignored = unheard.length > 0 ? `, not counted: ${unheard.join(', ')}` : '';
  return { name: 'approvals', status, summary: count + ignored + asked, diagnostics };
}
