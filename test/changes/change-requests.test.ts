import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeChangeRequest,
  createFromBranch,
  editChangeRequest,
  getCurrent,
  openChangeRequest,
} from '../../src/changes/change-requests.ts';
import { commitFiles } from '../../src/git/write.ts';
import { auditOfChanges, changingAs, propose } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { skill } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const better = { 'plugins/sales/skills/quote.yaml': skill('better') };
const ada = () => changingAs(org);

describe('createFromBranch', () => {
  it('opens a request for the branch as it is', async () => {
    const head = await org.repository.commit(better, { branch: 'better' });

    const request = await createFromBranch(ada(), {
      title: 'Quote better',
      description: 'Customers asked.',
      source: 'better',
    });

    expect(request).toEqual({
      org: 'acme',
      number: 1,
      title: 'Quote better',
      description: 'Customers asked.',
      source: 'better',
      target: 'main',
      author: 'user:ada',
      head,
      status: 'open',
      createdAt: '2026-03-01T12:00:00.000Z',
      updatedAt: '2026-03-01T12:00:00.000Z',
      mergedAt: null,
      mergeCommit: null,
      mergeBase: null,
      url: null,
      version: 1,
      pending: null,
    });
    expect(await auditOfChanges(org)).toEqual(['user:ada change.create change-requests/1']);
  });

  it('opens a draft', async () => {
    expect(await propose(org, better, { draft: true })).toMatchObject({ status: 'draft' });
  });

  it.each([
    [
      'a branch that is not there',
      { source: 'nowhere' },
      'source: there is no branch nowhere: push it first',
    ],
    [
      'a target that is not there',
      { target: 'next' },
      'target: there is no branch next: push it first',
    ],
    ['main into itself', { source: 'main' }, 'source: main is the target itself'],
    [
      'a way out of the branches',
      { source: '../../config' },
      'source: there is no branch ../../config: push it first',
    ],
    [
      'a branch with nothing new',
      { source: 'same' },
      'source: same has no commit that main lacks: push one',
    ],
  ])('refuses %s', async (_what, place, message) => {
    await org.repository.commit(better, { branch: 'better' });
    await org.repository.git('branch', 'same', 'main');

    const creation = createFromBranch(ada(), { title: 'x', source: 'better', ...place });

    await expect(creation).rejects.toMatchObject({ code: 'VAL_FAILED', message });
  });

  it('refuses a second one while the first can still be merged', async () => {
    await propose(org, better);

    const second = createFromBranch(ada(), { title: 'Again', source: 'proposal' });

    await expect(second).rejects.toMatchObject({
      code: 'RES_DUPLICATE',
      message: 'proposal has an open change request already',
    });
    await closeChangeRequest(ada(), 1);
    expect(await createFromBranch(ada(), { title: 'Again', source: 'proposal' })).toMatchObject({
      number: 2,
    });
  });
});

describe('openChangeRequest', () => {
  it('puts a commit that no ref holds on a branch of its own', async () => {
    const who = { name: 'Ada', email: 'ada@example.com', atSec: 1_772_366_400 };
    const changes = Object.entries(better).map(([path, content]) => ({ path, content }));
    const { repo } = org.runtime;
    const commit = await commitFiles({
      repo,
      parent: org.repository.head,
      changes,
      message: 'Quote better',
      author: who,
      committer: who,
    });

    const request = await openChangeRequest(ada(), { title: 'Quote better', commit });

    expect(request).toMatchObject({ number: 1, source: 'change/1', head: commit, pending: null });
    expect(await org.runtime.refs.read('refs/heads/change/1')).toBe(commit);
  });
});

describe('openChangeRequest, of an edit whose message is long', () => {
  it('keeps as much of its first line as a title may have', async () => {
    const { head: commit } = org.repository;

    const { title } = await openChangeRequest(ada(), { title: `a\tb${'c'.repeat(300)}`, commit });

    expect(title).toBe(`a b${'c'.repeat(197)}`);
  });
});

describe('getCurrent', () => {
  it('refuses a number that there is not', async () => {
    await expect(getCurrent(ada(), 7)).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
      message: 'there is no change request 7',
    });
  });
});

describe('editChangeRequest', () => {
  it('changes what is given, and opens a draft', async () => {
    await propose(org, better, { draft: true });

    const edited = await editChangeRequest(ada(), 1, { title: 'Ready', status: 'open' }, 1);

    expect(edited).toMatchObject({ title: 'Ready', description: '', status: 'open', version: 2 });
    const last = (await org.stores.audit.list('acme', 0, 100)).at(-1);
    expect(last).toMatchObject({
      action: 'change.edit',
      before: { title: 'Say more', status: 'draft' },
      after: { title: 'Ready', status: 'open' },
    });
  });

  it('refuses one that was changed since it was read', async () => {
    await propose(org, better);
    await editChangeRequest(ada(), 1, { title: 'First' }, undefined);

    const late = editChangeRequest(ada(), 1, { title: 'Second' }, 1);

    await expect(late).rejects.toMatchObject({ code: 'RES_VERSION_CONFLICT' });
    expect(await getCurrent(ada(), 1)).toMatchObject({ title: 'First' });
  });
});

describe('closeChangeRequest', () => {
  it('ends it, and leaves the branch', async () => {
    const { head } = await propose(org, better);

    expect(await closeChangeRequest(ada(), 1)).toMatchObject({ status: 'closed', version: 2 });

    expect(await org.runtime.refs.read('refs/heads/proposal')).toBe(head);
    await expect(closeChangeRequest(ada(), 1)).rejects.toMatchObject({
      code: 'RES_STATE_CONFLICT',
      message: 'change request 1 is closed',
    });
    expect(await auditOfChanges(org)).toEqual([
      'user:ada change.create change-requests/1',
      'user:ada change.close change-requests/1',
    ]);
  });
});
