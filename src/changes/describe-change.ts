import { diffFiles, type FileDiff } from '../git/diff.ts';
import type { SnapshotDiff } from '../registry/diff.ts';
import { type ChangeRequest, isActive, type Review } from './change-request.ts';
import { type Changing, headsOf, isHere } from './change-requests.ts';
import { type Check, evaluate } from './checks.ts';
import type { ClientChange } from './checks-clients.ts';
import { isMergeable, judge } from './merge-change.ts';
import { isStale } from './review.ts';

/** A request without what has to be worked out, as lists have it. */
export type ListedChange = Omit<ChangeRequest, 'org' | 'pending' | 'mergeBase'>;

export type ShownReview = Omit<Review, 'org' | 'number'> & { isStale: boolean };

export interface ShownChange extends ListedChange {
  /** Empty for a closed one, and for one of a mirror's upstream whose commits are of a fork. */
  checks: readonly Check[];
  reviews: readonly ShownReview[];
  /** Whether a merge would be made now. */
  mergeable: boolean;
  conflicts: readonly string[];
}

export interface ShownDiff {
  head: string;
  targetHead: string;
  files: FileDiff[];
  /** Null where the two do not merge, or do not compile. */
  objects: SnapshotDiff | null;
  clients: readonly ClientChange[] | null;
}

export function listed(request: ChangeRequest): ListedChange {
  const { org: _org, pending: _pending, mergeBase: _mergeBase, ...shown } = request;
  return shown;
}

export async function describeChange(
  changing: Changing,
  request: ChangeRequest,
): Promise<ShownChange> {
  const reviews = await describeReviews(changing, request);
  const common = { ...listed(request), reviews };
  if (!isActive(request) || !(await isHere(changing.runtime, request))) {
    return { ...common, checks: [], mergeable: false, conflicts: [] };
  }
  const judged = await judge(changing, request);
  const { conflicts } = judged.evaluation;
  return { ...common, checks: judged.checks, mergeable: isMergeable(judged), conflicts };
}

export async function describeReviews(
  { changeRequests }: Changing,
  request: ChangeRequest,
): Promise<ShownReview[]> {
  const reviews = await changeRequests.reviews(request.org, request.number);
  return reviews.map((review) => showReview(review, request));
}

export function showReview(review: Review, request: ChangeRequest): ShownReview {
  const { org: _org, number: _number, ...shown } = review;
  return { ...shown, isStale: isStale(review, request) };
}

/** What merging would change; of branches that do not merge, how they differ. */
export async function diffOfChange(changing: Changing, request: ChangeRequest): Promise<ShownDiff> {
  const { runtime } = changing;
  const heads = await headsOf(runtime, request);
  const { tree, objects = null, clients = null } = await evaluate(changing, heads);
  const { head, targetHead } = heads;
  const files = await diffFiles(runtime.repo, targetHead, tree ?? head);
  return { head, targetHead, files, objects, clients };
}
