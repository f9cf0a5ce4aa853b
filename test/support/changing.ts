import type { ChangeRequest, Verdict } from '../../src/changes/change-request.ts';
import { type Changing, createFromBranch } from '../../src/changes/change-requests.ts';
import { addReview } from '../../src/changes/review.ts';
import type { Files } from './git.ts';
import type { TestOrg } from './org.ts';

/** Someone who works on the change requests of an org that a test made. */
export const changingAs = (
  org: TestOrg,
  actor = 'user:ada',
  more: Partial<Changing> = {},
): Changing => ({
  changeRequests: org.stores.changeRequests,
  runtime: org.runtime,
  clock: () => org.nowMs,
  actor,
  proposeUpstream: async () => {
    throw new Error('this organisation is no mirror');
  },
  ...more,
});

/** Pushes a branch with these files, and opens a request for it. */
export async function propose(
  org: TestOrg,
  files: Files,
  { source = 'proposal', ...terms }: { source?: string; title?: string; draft?: boolean } = {},
): Promise<ChangeRequest> {
  await org.repository.commit(files, { branch: source, from: org.repository.head });
  return createFromBranch(changingAs(org), { title: 'Say more', ...terms, source });
}

export const reviewAs = (org: TestOrg, user: string, request: ChangeRequest, verdict: Verdict) =>
  addReview(
    changingAs(org),
    request,
    { verdict, head: request.head },
    { caller: { actor: `user:${user}`, user }, requestId: 'r-1' },
  );

/** What the org's audit log says of change requests, after what made the org. */
export async function auditOfChanges(org: TestOrg): Promise<string[]> {
  const entries = await org.stores.audit.list(org.runtime.org.slug, 0, 1000);
  return entries
    .filter(({ resource }) => resource.startsWith('change-requests/'))
    .map(({ actor, action, resource }) => `${actor} ${action} ${resource}`);
}
