import {
  branchOf,
  type ChangeRequestStore,
  isActive,
} from '../../../src/changes/change-request.ts';
import { pageIn } from './listing.ts';
import { copy, type Memory, sortedBy } from './memory.ts';
import { appendEvents } from './memory-events.ts';

export function memoryChangeRequestStore(memory: Memory): ChangeRequestStore {
  const of = (org: string) => memory.changeRequests.filter((one) => one.org === org);
  const at = (org: string, number: number, version?: number) =>
    of(org).find(
      (one) => one.number === number && (version === undefined || one.version === version),
    );

  return {
    find: async (org, number) => copy(at(org, number)),

    list: async (org, listing) => pageIn(of(org), listing, { id: 'number' }),

    active: async (org) => sortedBy(of(org).filter(isActive), 'number'),

    async insert(request, entryOf, eventsOf = () => []) {
      memory.requireOrg(request.org);
      const number = Math.max(0, ...of(request.org).map((one) => one.number)) + 1;
      const made = { ...copy(request), number, source: request.source ?? branchOf(number) };
      const isTaken = of(request.org).some((one) => isActive(one) && one.source === made.source);
      if (isTaken) return undefined;
      memory.changeRequests.push(made);
      appendEvents(memory, eventsOf(copy(made)));
      memory.append(entryOf(copy(made)));
      return copy(made);
    },

    async replace(request, expected, entry, events = []) {
      const stored = at(request.org, request.number, expected);
      if (!stored) return false;
      Object.assign(stored, copy(request));
      appendEvents(memory, events);
      if (entry) memory.append(entry);
      return true;
    },

    async follow(requests, entry) {
      for (const request of requests) {
        memory.requireOrg(request.org);
        const stored = at(request.org, request.number);
        const { version: _version, ...changes } = copy(request);
        if (!stored) memory.changeRequests.push(copy(request));
        else if (
          stored.updatedAt !== request.updatedAt ||
          stored.head !== request.head ||
          stored.status !== request.status
        ) {
          Object.assign(stored, changes, { version: stored.version + 1 });
        }
      }
      if (entry) memory.append(entry);
    },

    reviews: async (org, number) =>
      sortedBy(
        memory.reviews.filter((one) => one.org === org && one.number === number),
        'id',
      ),

    async addReview(review, entry, events = []) {
      memory.requireOrg(review.org);
      memory.reviews.push(copy(review));
      appendEvents(memory, events);
      memory.append(entry);
    },
  };
}
