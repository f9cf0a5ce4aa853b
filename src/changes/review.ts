import { v7 as newId } from 'uuid';
import type { Caller } from '../identity/caller.ts';
import { toTime } from '../model/clock.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
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
  { changeRequests, clock }: Settling,
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
  checkVerdict(request, verdict, caller);
  const at = toTime(clock());
  const { actor: reviewer } = caller;
  const review = { org, number, id: newId(), reviewer, verdict, body, head, createdAt: at };
  await changeRequests.addReview(review, {
    at,
    tenant: org,
    actor: reviewer,
    action: 'change.review',
    resource: `change-requests/${number}`,
    after: { verdict, head },
    requestId,
  });
  return review;
}

function checkVerdict(
  { author }: ChangeRequest,
  verdict: Verdict,
  { actor, user, isProxy }: Reviewer,
): void {
  if (verdict === 'commented') return;
  if (personIn(actor) === personIn(author)) {
    throw new WaymarkError('PERM_DENIED', 'your own change is for another to approve or reject');
  }
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

/** One voice for a name, here and at an outside authority: whether they are two cannot be known. */
const personIn = (actor: string): string => actor.replace(/^(?:user|jwt):/, '');

export const isStale = (review: Review, { head }: Pick<ChangeRequest, 'head'>): boolean =>
  review.head !== head;

export interface Tally {
  /** Who approves the head, each once. */
  approvedBy: string[];
  /** Who asked for changes and has not said otherwise since, whatever was pushed. */
  rejectedBy: string[];
}

/** What the reviewers think now: of each the last verdict. `reviews` are in their order. */
export function tallyOf(reviews: readonly Review[], request: Pick<ChangeRequest, 'head'>): Tally {
  const last = new Map<string, Review>();
  for (const review of reviews) {
    if (review.verdict !== 'commented') last.set(personIn(review.reviewer), review);
  }
  const verdicts = [...last.values()];
  const approvals = verdicts.filter(
    (review) => review.verdict === 'approved' && !isStale(review, request),
  );
  const rejections = verdicts.filter(({ verdict }) => verdict === 'changes_requested');
  return {
    approvedBy: approvals.map(({ reviewer }) => reviewer),
    rejectedBy: rejections.map(({ reviewer }) => reviewer),
  };
}

/** @param needed approvals that the target asks for */
export function approvalsCheck({ approvedBy, rejectedBy }: Tally, needed: number): Check {
  const diagnostics: Diagnostic[] = [];
  const isEnough = approvedBy.length >= needed;
  const status = rejectedBy.length > 0 ? 'failed' : isEnough ? 'passed' : 'pending';
  const count = `${approvedBy.length} of ${needed} approvals`;
  const asked = rejectedBy.length > 0 ? `, changes requested by ${rejectedBy.join(', ')}` : '';
  return { name: 'approvals', status, summary: count + asked, diagnostics };
}
