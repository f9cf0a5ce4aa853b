import { type Changing, openChangeRequest } from './change-requests.ts';
import type { ProposeChange } from './commit-edit.ts';

/** Proposes by change requests, which of a mirror are its upstream's. */
export function proposeBy(
  deps: Pick<Changing, 'changeRequests' | 'proposeUpstream' | 'users' | 'members'>,
): ProposeChange {
  return async (editing, proposal) => {
    const { number, head } = await openChangeRequest({ ...editing, ...deps }, proposal);
    return { number, head, url: `/api/v1/change-requests/${number}` };
  };
}
