import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorsOf, withoutVoice } from '../../src/changes/authors.ts';
import type { ChangeRequest } from '../../src/changes/change-request.ts';
import { createFromBranch, getCurrent } from '../../src/changes/change-requests.ts';
import { mergeChange } from '../../src/changes/merge-change.ts';
import { changingAs, hire, propose, reviewAs } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { makeEntry, makeMember, makeReview, makeUser } from '../support/records.ts';
import { skill } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const quote = 'plugins/sales/skills/quote.yaml';
const files = (text: string) => ({ [quote]: skill(text) });

/** Lets the server move the branch for somebody, as a push would. */
async function push(actor: string, text: string, branch = 'proposal'): Promise<ChangeRequest> {
  const old = (await org.runtime.refs.read(`refs/heads/${branch}`))!;
  const next = await org.repository.commit(files(text), { branch: 'elsewhere', from: old });
  const update = { ref: `refs/heads/${branch}`, old, new: next };
  await org.runtime.moveRef(update, { actor, action: 'git.push' });
  return getCurrent(changingAs(org), 1);
}

const authors = async (request: ChangeRequest) => [...(await authorsOf(org.runtime, request))];

describe('authorsOf', () => {
  it('names who opened it and everyone who brought a commit of it', async () => {
    await propose(org, files('better'));
    await push('user:lin', 'best');
    const request = await push('jwt:kim', 'still better');

    expect((await authors(request)).sort()).toEqual(['ada', 'kim', 'lin']);
  });

  it('forgets who brought what the branch has no more', async () => {
    const { head } = await propose(org, files('better'));
    await push('user:lin', 'best');
    await org.repository.git('update-ref', 'refs/heads/proposal', head);

    expect(await authors(await getCurrent(changingAs(org), 1))).toEqual(['ada']);
  });

  it('names whoever made the key by which it was opened', async () => {
    await org.repository.commit(files('better'), { branch: 'b', from: org.repository.head });
    const acting = changingAs(org, 'user:ada', { makers: ['user:boss'] });

    const request = await createFromBranch(acting, { title: 'Better', source: 'b' });

    expect(await authors(request)).toEqual(['ada', 'boss']);
  });

  it('knows them also once they were squashed into another branch', async () => {
    await org.repository.git('update-ref', 'refs/heads/dev', org.repository.head);
    await propose(org, files('better'));
    await push('user:lin', 'best');
    const { changeRequests } = org.stores;
    const stored = (await changeRequests.find('acme', 1))!;
    const onDev = { ...stored, target: 'dev', version: stored.version + 1 };
    await changeRequests.replace(onDev, stored.version);
    await mergeChange(changingAs(org, 'user:grace'), 1, { method: 'squash' });

    const head = (await org.runtime.refs.read('refs/heads/dev'))!;

    expect(await org.runtime.authors.between(head, org.repository.head)).toEqual([
      'user:ada',
      'user:lin',
    ]);
  });
});

describe('withoutVoice', () => {
  const voices = async (...reviewers: string[]) => {
    const request = await propose(org, files('better'));
    const reviews = reviewers.map((reviewer, i) =>
      makeReview(`018f-${i}`, { reviewer, verdict: 'approved' }),
    );
    return [...(await withoutVoice(changingAs(org), request, reviews))];
  };

  it('lets members speak who may review, site admins, and whom an authority names', async () => {
    await hire(org, 'lin');
    await org.stores.users.insert(makeUser('root', { isSiteAdmin: true }), makeEntry());

    expect(await voices('user:lin', 'user:root', 'jwt:kim')).toEqual([]);
  });

  it('lets nobody who is gone, disabled, no member, or may not review', async () => {
    const { users, members } = org.stores;
    await hire(org, 'vic', 'viewer');
    await users.insert(makeUser('eve'), makeEntry());
    await users.insert(makeUser('dan', { disabledAt: '2026-02-01T00:00:00.000Z' }), makeEntry());
    await members.insert(makeMember('dan', { roles: ['admin'] }), makeEntry());
    const mute = ['user:gone', 'user:vic', 'user:eve', 'user:dan', 'key:0f3a'];

    expect(await voices(...mute)).toEqual(mute);
  });

  it('lets no author, also where they approved before they pushed', async () => {
    const request = await propose(org, files('better'));
    const review = await reviewAs(org, 'lin', request, 'approved');
    await org.runtime.authors.add(request.head, ['user:lin']);

    expect([...(await withoutVoice(changingAs(org), request, [review]))]).toEqual(['user:lin']);
  });
});
