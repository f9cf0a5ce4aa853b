import type { ChangeRequest, Review, Verdict } from '../../src/changes/change-request.ts';
import { type Changing, createFromBranch } from '../../src/changes/change-requests.ts';
import { addReview } from '../../src/changes/review.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { Files } from './git.ts';
import type { TestOrg } from './org.ts';
import { makeEntry, makeMember, makeUser } from './records.ts';

/** Someone who works on the change requests of an org that a test made. */
export const changingAs = (
  org: TestOrg,
  actor = 'user:ada',
  more: Partial<Changing> = {},
): Changing => ({
  changeRequests: org.stores.changeRequests,
  users: org.stores.users,
  members: org.stores.members,
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

/** Someone who may review, unless they were given other roles before. */
export async function hire(org: TestOrg, username: string, role: Role = 'approver'): Promise<void> {
  const { users, members } = org.stores;
  const person = makeUser(username);
  if (await users.insert(person, makeEntry())) {
    await members.insert(makeMember(username, { roles: [role] }), makeEntry());
  }
}

export async function reviewAs(
  org: TestOrg,
  user: string,
  request: ChangeRequest,
  verdict: Verdict,
): Promise<Review> {
  await hire(org, user);
  return addReview(
    changingAs(org),
    request,
    { verdict, head: request.head },
    { caller: { actor: `user:${user}`, user }, requestId: 'r-1' },
  );
}

/** What the org's audit log says of change requests, after what made the org. */
export async function auditOfChanges(org: TestOrg): Promise<string[]> {
  const entries = await org.stores.audit.list(org.runtime.org.slug, 0, 1000);
  return entries
    .filter(({ resource }) => resource.startsWith('change-requests/'))
    .map(({ actor, action, resource }) => `${actor} ${action} ${resource}`);
}
