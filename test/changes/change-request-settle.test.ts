import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeRequest } from '../../src/changes/change-request.ts';
import { settle, settleAll } from '../../src/changes/change-request-settle.ts';
import { auditOfChanges, changingAs, propose } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { skill } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const better = { 'plugins/sales/skills/quote.yaml': skill('better') };
const best = { 'plugins/sales/skills/quote.yaml': skill('best') };
const stored = (number = 1) => org.stores.changeRequests.find('acme', number);
const settleNow = () => settleAll(changingAs(org));

/** As a crash leaves it: the step is said to be pending, and nobody is at it. */
async function leave(request: ChangeRequest, part: Partial<ChangeRequest>): Promise<void> {
  const left = { ...request, ...part, version: request.version + 1 };
  expect(await org.stores.changeRequests.replace(left, request.version)).toBe(true);
}

const mergeStep = (commit: string, base = org.repository.head) => ({
  step: 'merge' as const,
  commit,
  base,
  by: 'user:grace',
  at: new Date(org.nowMs).toISOString(),
});

describe('settleAll', () => {
  it('changes nothing where nothing has moved', async () => {
    const request = await propose(org, better);

    await settleNow();
    await settleNow();

    expect(await stored()).toEqual(request);
  });

  it('follows the branch to what was pushed', async () => {
    await propose(org, better);
    const head = await org.repository.commit(best, { branch: 'proposal' });

    await settleNow();

    expect(await stored()).toMatchObject({ head, status: 'open', version: 2 });
    expect(await auditOfChanges(org)).toContain(
      'system:reconciler change.follow change-requests/1',
    );
  });

  it('closes a request whose branch is gone', async () => {
    await propose(org, better);
    await org.repository.git('update-ref', '-d', 'refs/heads/proposal');

    await settleNow();

    expect(await stored()).toMatchObject({ status: 'closed' });
    expect(await auditOfChanges(org)).toContain('system:reconciler change.close change-requests/1');
  });

  it('takes a request for merged once somebody has pushed its commits to the target', async () => {
    const { head } = await propose(org, better);
    await propose(org, { 'README.md': 'other' }, { source: 'other' });
    await org.repository.git('update-ref', 'refs/heads/main', head);

    await settleNow();

    expect(await stored()).toMatchObject({ status: 'merged', mergeCommit: head, mergeBase: null });
    expect(await stored(2)).toMatchObject({ status: 'open' });
  });

  it('leaves closed requests alone', async () => {
    const request = await propose(org, better);
    await leave(request, { status: 'closed' });
    await org.repository.git('update-ref', '-d', 'refs/heads/proposal');

    await settleNow();

    expect(await stored()).toMatchObject({ status: 'closed', version: 2 });
  });
});

describe('settle', () => {
  it('completes a merge whose commit has reached the target, whatever came after it', async () => {
    const request = await propose(org, better);
    const base = org.repository.head;
    const commit = await org.commit(better);
    await leave(request, { pending: mergeStep(commit, base) });
    await org.commit({ 'README.md': 'Later.\n' });

    const [settled] = await settle(changingAs(org), [(await stored())!]);

    expect(settled).toMatchObject({
      status: 'merged',
      mergeCommit: commit,
      mergeBase: base,
      pending: null,
    });
    expect(await stored()).toEqual(settled);
    expect((await auditOfChanges(org)).at(-1)).toBe('user:grace change.merge change-requests/1');
  });

  it('waits for a merge that may still move the target, and lets go of one that will not', async () => {
    const request = await propose(org, better);
    await leave(request, { pending: mergeStep(request.head) });

    await settleNow();
    expect(await stored()).toMatchObject({ status: 'open', pending: { step: 'merge' } });

    org.nowMs += 31_000;
    await settleNow();
    expect(await stored()).toMatchObject({ status: 'open', pending: null });
  });

  it('makes the branch that a crash left unmade', async () => {
    const request = await propose(org, better);
    await leave(request, { source: 'change/1', pending: { step: 'branch' } });

    await settleNow();
    await settleNow();

    expect(await org.runtime.refs.read('refs/heads/change/1')).toBe(request.head);
    expect(await stored()).toMatchObject({ status: 'open', pending: null, head: request.head });
  });

  it('keeps what another wrote while it looked', async () => {
    const request = await propose(org, better);
    const head = await org.repository.commit(best, { branch: 'proposal' });
    await leave(request, { title: 'Renamed meanwhile' });

    const [settled] = await settle(changingAs(org), [request]);

    expect(settled).toMatchObject({ title: 'Renamed meanwhile', head, version: 3 });
  });
});
