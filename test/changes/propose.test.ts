import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Changing } from '../../src/changes/change-requests.ts';
import { proposeBy } from '../../src/changes/propose.ts';
import { changingAs } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { makeChangeRequest } from '../support/records.ts';

let org: TestOrg;

beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

async function propose(more: Partial<Changing> = {}) {
  const editing = { runtime: org.runtime, clock: () => org.nowMs, actor: 'user:ada' };
  const commit = await org.repository.git('commit-tree', '-p', 'main', '-m', 'Edit', 'main^{tree}');
  const proposal = { commit, title: 'Quote better', description: 'For large deals.' };
  const change = await proposeBy(changingAs(org, 'user:ada', more))(editing, proposal);
  return { commit, change };
}

describe('proposeBy', () => {
  it('opens a change request for the commit, on a branch of its own', async () => {
    const { commit, change } = await propose();

    expect(change).toEqual({ number: 1, head: commit, url: '/api/v1/change-requests/1' });
    expect(await org.repository.git('rev-parse', 'refs/heads/change/1')).toBe(commit);
    expect(await org.stores.changeRequests.find('acme', 1)).toMatchObject({
      title: 'Quote better',
      description: 'For large deals.',
      author: 'user:ada',
      status: 'open',
    });
  });

  it("proposes it upstream where main is an upstream's", async () => {
    org.runtime.org = { ...org.runtime.org, mode: 'mirror' };
    const proposed: unknown[] = [];

    const { commit, change } = await propose({
      async proposeUpstream({ actor }, wanted) {
        proposed.push({ actor, ...wanted });
        return makeChangeRequest({ number: 7, head: wanted.head });
      },
    });

    expect(proposed).toEqual([
      {
        actor: 'user:ada',
        source: null,
        head: commit,
        target: 'main',
        title: 'Quote better',
        description: 'For large deals.',
        draft: false,
      },
    ]);
    expect(change).toEqual({ number: 7, head: commit, url: '/api/v1/change-requests/7' });
    expect(await org.stores.changeRequests.active('acme')).toEqual([]);
  });
});
