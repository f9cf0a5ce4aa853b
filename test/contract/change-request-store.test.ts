import { describe, expect, it } from 'vitest';
import type { ChangeRequest, NewChangeRequest } from '../../src/changes/change-request.ts';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeChangeRequest, makeEntry, makeOrg, makeReview } from '../support/records.ts';

const entryOf = ({ org, number }: ChangeRequest) =>
  makeEntry({ tenant: org, action: 'change.create', resource: `change-requests/${number}` });

const draftOf = (part: Partial<NewChangeRequest> = {}): NewChangeRequest => {
  const { number: _number, ...request } = makeChangeRequest();
  return { ...request, ...part };
};

const pullOf = (part: Partial<ChangeRequest> = {}): ChangeRequest =>
  makeChangeRequest({ url: 'https://git.example/pulls/1', author: 'upstream:ada', ...part });

const everything = { sort: [], page: 1, pageSize: 20 };

await contract('ChangeRequestStore', (stores) => {
  async function withOrgs(): Promise<Stores> {
    for (const slug of ['acme', 'globex']) {
      await stores().orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
    }
    return stores();
  }

  describe('insert', () => {
    it('numbers the requests of each org from 1', async () => {
      const { changeRequests } = await withOrgs();

      const first = await changeRequests.insert(draftOf({ source: 'a' }), entryOf);
      const second = await changeRequests.insert(draftOf({ source: 'b' }), entryOf);
      const other = await changeRequests.insert(draftOf({ org: 'globex' }), entryOf);

      expect([first, second, other].map((made) => made?.number)).toEqual([1, 2, 1]);
      expect(await changeRequests.find('acme', 2)).toEqual(second);
      expect(await changeRequests.find('globex', 2)).toBeUndefined();
    });

    it('gives requests at the same time a number each', async () => {
      const { changeRequests } = await withOrgs();
      const names = Array.from({ length: 8 }, (_, i) => `branch-${i}`);

      const made = await Promise.all(
        names.map((source) => changeRequests.insert(draftOf({ source }), entryOf)),
      );

      const numbers = made.map((one) => one?.number ?? 0);
      expect(numbers.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it('names the branch after the number where there is none yet', async () => {
      const { changeRequests } = await withOrgs();
      const pending = { step: 'branch' } as const;

      const made = await changeRequests.insert(draftOf({ source: null, pending }), entryOf);

      expect(made).toMatchObject({ number: 1, source: 'change/1', pending });
      expect(await changeRequests.find('acme', 1)).toEqual(made);
    });

    it('refuses a second active request for one branch, and takes one after it was closed', async () => {
      const { changeRequests, audit } = await withOrgs();
      const first = await changeRequests.insert(draftOf(), entryOf);

      const second = await changeRequests.insert(draftOf({ status: 'draft' }), entryOf);
      await changeRequests.replace({ ...first!, status: 'closed' }, 1, makeEntry());
      const third = await changeRequests.insert(draftOf(), entryOf);

      expect(second).toBeUndefined();
      expect(third?.number).toBe(2);
      expect(await audit.list('acme', 0, 10)).toHaveLength(3);
    });

    it('refuses one of an org that was removed meanwhile', async () => {
      const insertion = stores().changeRequests.insert(draftOf(), entryOf);

      await expect(insertion).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    });
  });

  describe('replace', () => {
    it('writes over the expected version only, with its audit entry', async () => {
      const { changeRequests, audit } = await withOrgs();
      const made = (await changeRequests.insert(draftOf(), entryOf))!;
      const merged = {
        ...made,
        status: 'merged' as const,
        mergedAt: '2026-03-02T08:00:00.000Z',
        mergeCommit: '6'.repeat(40),
        mergeBase: '4'.repeat(40),
        version: 2,
      };

      expect(await changeRequests.replace(merged, 1, makeEntry())).toBe(true);
      expect(await changeRequests.replace({ ...made, version: 2 }, 1, makeEntry())).toBe(false);

      expect(await changeRequests.find('acme', made.number)).toEqual(merged);
      expect(await audit.list('acme', 0, 10)).toHaveLength(2);
    });
  });

  describe('replace without an entry', () => {
    it('keeps which step is pending, as a later version', async () => {
      const { changeRequests, audit } = await withOrgs();
      const made = (await changeRequests.insert(draftOf(), entryOf))!;
      const [commit, base] = ['7'.repeat(40), '8'.repeat(40)];
      const pending = { step: 'merge', commit, base, by: 'user:ada', at: '2026' } as const;

      expect(await changeRequests.replace({ ...made, pending, version: 2 }, 1)).toBe(true);
      expect(await changeRequests.replace({ ...made, pending, version: 2 }, 1)).toBe(false);

      expect(await changeRequests.find('acme', 1)).toEqual({ ...made, pending, version: 2 });
      expect(await audit.list('acme', 0, 10)).toHaveLength(1);
    });
  });

  describe('list', () => {
    it('filters, sorts and counts within the org', async () => {
      const { changeRequests } = await withOrgs();
      await changeRequests.insert(draftOf({ source: 'a', title: 'A' }), entryOf);
      await changeRequests.insert(draftOf({ source: 'b', title: 'B', status: 'closed' }), entryOf);
      await changeRequests.insert(draftOf({ source: 'c', title: 'C' }), entryOf);
      await changeRequests.insert(draftOf({ org: 'globex' }), entryOf);

      const open = await changeRequests.list('acme', {
        ...everything,
        filter: { field: 'status', operator: 'eq', value: 'open' },
        sort: [{ field: 'number', isDescending: true }],
      });

      expect(open.items.map(({ title }) => title)).toEqual(['C', 'A']);
      expect(open.totalItems).toBe(2);
    });
  });

  describe('active', () => {
    it('is what may still be merged', async () => {
      const { changeRequests } = await withOrgs();
      for (const status of ['open', 'closed', 'draft', 'merged'] as const) {
        await changeRequests.insert(draftOf({ source: status, status }), entryOf);
      }

      const active = await changeRequests.active('acme');

      expect(active.map(({ status }) => status)).toEqual(['open', 'draft']);
    });
  });

  describe('reviews', () => {
    it('come in the order in which they were made', async () => {
      const { changeRequests, audit } = await withOrgs();
      await changeRequests.insert(draftOf(), entryOf);
      const first = makeReview('018f-1');
      const second = makeReview('018f-2', { verdict: 'changes_requested', body: 'Ünsure.' });

      await changeRequests.addReview(second, makeEntry());
      await changeRequests.addReview(first, makeEntry());

      expect(await changeRequests.reviews('acme', 1)).toEqual([first, second]);
      expect(await changeRequests.reviews('globex', 1)).toEqual([]);
      expect(await audit.list('acme', 0, 10)).toHaveLength(3);
    });

    it('go with their org', async () => {
      const { changeRequests, orgs } = await withOrgs();
      await changeRequests.insert(draftOf(), entryOf);
      await changeRequests.addReview(makeReview('018f-1'), makeEntry());

      await orgs.remove('acme', makeEntry({ tenant: '*' }));

      expect(await changeRequests.reviews('acme', 1)).toEqual([]);
      expect(await changeRequests.active('acme')).toEqual([]);
    });
  });

  describe('follow', () => {
    const later = '2026-03-09T12:00:00.000Z';

    it('stores requests under the numbers that they have, of one org', async () => {
      const { changeRequests } = await withOrgs();

      await changeRequests.follow([pullOf({ number: 40 }), pullOf({ number: 7 })]);

      expect(await changeRequests.find('acme', 40)).toEqual(pullOf({ number: 40 }));
      expect(await changeRequests.find('globex', 7)).toBeUndefined();
      const { items } = await changeRequests.list('acme', everything);
      expect(items.map(({ number }) => number)).toEqual([7, 40]);
    });

    it('stores two of one branch, which an upstream may have', async () => {
      const { changeRequests } = await withOrgs();

      await changeRequests.follow([pullOf({ number: 1 }), pullOf({ number: 2 })]);

      expect(await changeRequests.active('acme')).toHaveLength(2);
    });

    it('gives one that has changed another version, and leaves the others', async () => {
      const { changeRequests } = await withOrgs();
      await changeRequests.follow([pullOf({ number: 1 }), pullOf({ number: 2 })]);
      const merged = pullOf({ number: 1, status: 'merged', mergedAt: later, updatedAt: later });

      await changeRequests.follow([merged, pullOf({ number: 2 })]);

      expect(await changeRequests.find('acme', 1)).toEqual({ ...merged, version: 2 });
      expect(await changeRequests.find('acme', 2)).toEqual(pullOf({ number: 2 }));
    });

    it('writes the entry with them', async () => {
      const { changeRequests, audit } = await withOrgs();
      const request = pullOf();

      await changeRequests.follow([request], entryOf(request));

      expect(await audit.list('acme', 0, 10)).toMatchObject([entryOf(request)]);
    });
  });
});
