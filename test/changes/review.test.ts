import { describe, expect, it } from 'vitest';
import type { ChangeRequest, Review, Verdict } from '../../src/changes/change-request.ts';
import type { Settling } from '../../src/changes/change-request-settle.ts';
import { addReview, approvalsCheck, isStale, tallyOf } from '../../src/changes/review.ts';
import type { Caller } from '../../src/identity/caller.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeChangeRequest, makeEntry, makeOrg, makeReview } from '../support/records.ts';

const request = makeChangeRequest({ author: 'user:ada' });
const { head } = request;
const earlier = 'e'.repeat(40);

async function review(
  verdict: Verdict,
  by: Partial<Caller> & {
    head?: string;
    of?: Partial<ChangeRequest>;
    /** Who brought its commits. */
    pushers?: string[];
    earlier?: Review[];
  } = {},
) {
  const { actor = 'user:lin', user = 'lin', of = {}, head: at = head, ...more } = by;
  const stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  const pushers: string[] = by.pushers ?? [];
  const runtime = {
    refs: { read: async () => '4'.repeat(40) },
    pool: { find: async () => ({ type: 'commit' }) },
    authors: { between: async () => pushers },
  };
  const clock = () => Date.UTC(2026, 2, 1);
  const settling = { ...stores, runtime, clock } as unknown as Settling;
  await stores.changeRequests.follow([{ ...request, ...by.of }]);
  for (const one of by.earlier ?? []) await stores.changeRequests.addReview(one, makeEntry());
  const asked = { verdict, body: 'Well.', head: at };
  const caller = { ...more, actor, user };
  const made = await addReview(settling, { ...request, ...of }, asked, { caller, requestId: 'r' });
  return { made, stores };
}

describe('addReview', () => {
  it('keeps the verdict, with an audit entry', async () => {
    const { made, stores } = await review('approved');

    expect(made).toMatchObject({
      org: 'acme',
      number: 1,
      reviewer: 'user:lin',
      verdict: 'approved',
      body: 'Well.',
      head,
      createdAt: '2026-03-01T00:00:00.000Z',
    });
    expect(await stores.changeRequests.reviews('acme', 1)).toEqual([made]);
    expect((await stores.audit.list('acme', 0, 10)).at(-1)).toMatchObject({
      actor: 'user:lin',
      action: 'change.review',
      resource: 'change-requests/1',
      after: { verdict: 'approved', head },
    });
  });

  it.each<Verdict>(['approved', 'changes_requested'])(
    'refuses %s by the author, and by a key that is nobody’s',
    async (verdict) => {
      const own = review(verdict, { actor: 'user:ada', user: 'ada' });
      await expect(own).rejects.toMatchObject({ code: 'PERM_DENIED' });

      const robot = review(verdict, { actor: 'key:0f3a', user: null });
      await expect(robot).rejects.toMatchObject({ code: 'PERM_DENIED' });
    },
  );

  it.each<[string, Partial<Caller>]>([
    ['a key that another made for them', { isProxy: true }],
    ['the author by a token of an outside authority', { actor: 'jwt:ada', user: 'ada' }],
  ])('takes no verdict of %s', async (_who, by) => {
    await expect(review('approved', by)).rejects.toMatchObject({ code: 'PERM_DENIED' });
  });

  it.each<Verdict>(['approved', 'changes_requested'])(
    'refuses %s by whoever brought a commit of it, wherever they log in',
    async (verdict) => {
      const pushers = ['user:kim', 'jwt:lin'];

      await expect(review(verdict, { pushers })).rejects.toMatchObject({
        code: 'PERM_DENIED',
        message: expect.stringContaining('brought a commit of it'),
      });
    },
  );

  it('lets whoever asked for changes, and then made them, take that back', async () => {
    const reviewer = 'user:lin';
    const objection = makeReview('018f-1', { reviewer, verdict: 'changes_requested' });

    const { made } = await review('approved', { pushers: [reviewer], earlier: [objection] });

    expect(tallyOf([objection, made], request, new Set([reviewer]))).toEqual({
      approvedBy: [],
      unheard: [reviewer],
      rejectedBy: [],
    });
  });

  it('takes the verdict of whom an outside authority names', async () => {
    const { made } = await review('approved', { actor: 'jwt:lin' });

    expect(made.reviewer).toBe('jwt:lin');
  });

  it('lets both of them comment', async () => {
    const own = await review('commented', { actor: 'user:ada', user: 'ada' });
    const robot = await review('commented', { actor: 'key:0f3a', user: null });

    expect([own.made.reviewer, robot.made.reviewer]).toEqual(['user:ada', 'key:0f3a']);
  });

  it('refuses one of another commit than the branch is at', async () => {
    await expect(review('approved', { head: earlier })).rejects.toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      facts: { details: { head } },
    });
  });

  it('refuses one of a request that is over', async () => {
    await expect(review('approved', { of: { status: 'merged' } })).rejects.toMatchObject({
      code: 'RES_STATE_CONFLICT',
      message: 'change request 1 is merged',
    });
  });
});

describe('tallyOf', () => {
  const by = (reviewer: string, verdict: Verdict, at = head) =>
    makeReview(`${reviewer}-${verdict}`, { reviewer, verdict, head: at });

  it('counts each person’s last verdict once', () => {
    const reviews = [
      by('lin', 'changes_requested'),
      by('lin', 'approved'),
      by('lin', 'approved'),
      by('kim', 'approved'),
      by('kim', 'changes_requested'),
      by('kim', 'commented'),
    ];

    expect(tallyOf(reviews, request)).toEqual({
      approvedBy: ['lin'],
      unheard: [],
      rejectedBy: ['kim'],
    });
  });

  it('counts a name once, wherever its owner has logged in', () => {
    const reviews = [by('user:lin', 'approved'), by('jwt:lin', 'approved')];

    expect(tallyOf(reviews, request)).toEqual({
      approvedBy: ['jwt:lin'],
      unheard: [],
      rejectedBy: [],
    });
  });

  it('forgets an approval of an earlier commit, and not an objection', () => {
    const reviews = [by('lin', 'approved', earlier), by('kim', 'changes_requested', earlier)];

    expect(tallyOf(reviews, request)).toEqual({
      approvedBy: [],
      unheard: [],
      rejectedBy: ['kim'],
    });
    expect(reviews.map((one) => isStale(one, request))).toEqual([true, true]);
  });
});

describe('approvalsCheck', () => {
  it('names those who do not count', () => {
    const tally = { approvedBy: [], unheard: ['user:lin'], rejectedBy: [] };

    expect(approvalsCheck(tally, 1)).toMatchObject({
      status: 'pending',
      summary: '0 of 1 approvals, not counted: user:lin',
    });
  });

  it.each([
    [[], [], 0, 'passed', '0 of 0 approvals'],
    [['lin'], [], 2, 'pending', '1 of 2 approvals'],
    [['lin', 'kim'], [], 2, 'passed', '2 of 2 approvals'],
    [['lin'], ['kim'], 1, 'failed', '1 of 1 approvals, changes requested by kim'],
  ])('of %j for and %j against, with %i needed: %s', (approvedBy, rejectedBy, needed, ...says) => {
    const { status, summary } = approvalsCheck({ approvedBy, unheard: [], rejectedBy }, needed);

    expect([status, summary]).toEqual(says);
  });
});
