import type { OrgRuntime } from '../delivery/runtime.ts';
import { policyOf } from '../identity/org-policy.ts';
import { hasStanding } from '../identity/standing.ts';
import type { ChangeRequest, Review } from './change-request.ts';
import { type Changing, headsOf } from './change-requests.ts';

/** One voice for a name, here and at an outside authority: whether they are two cannot be known. */
export const personIn = (actor: string): string => actor.replace(/^(?:user|jwt):/, '');

/** Whoever opened a request, or brought any of its commits: none of them is another pair of eyes. */
export async function authorsOf(
  runtime: OrgRuntime,
  request: ChangeRequest,
): Promise<ReadonlySet<string>> {
  const { head, targetHead } = await headsOf(runtime, request);
  const actors = [request.author, ...(await runtime.authors.between(head, targetHead))];
  return new Set(actors.map(personIn));
}

/**
 * The reviewers whose approval would not count: authors, and people of the site who may not review
 * any more. Of whom an outside authority names, only the authority knows.
 */
export async function withoutVoice(
  { runtime, users, members }: Pick<Changing, 'runtime' | 'users' | 'members'>,
  request: ChangeRequest,
  reviews: readonly Review[],
): Promise<ReadonlySet<string>> {
  const approvers = new Set(
    reviews.flatMap(({ verdict, reviewer }) => (verdict === 'approved' ? [reviewer] : [])),
  );
  if (approvers.size === 0) return approvers;
  const authors = await authorsOf(runtime, request);
  const config = runtime.maybeView?.published.config;
  const place = { org: request.org, policy: config && policyOf(config) };
  const mute = new Set<string>();
  for (const reviewer of approvers) {
    const username = personIn(reviewer);
    const isHeard =
      !authors.has(username) &&
      (reviewer.startsWith('jwt:') ||
        (await hasStanding({ users, members }, { ...place, username }, 'changes:review')));
    if (!isHeard) mute.add(reviewer);
  }
  return mute;
}
