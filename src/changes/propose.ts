import { mirrorIsReadOnly } from '../delivery/runtime.ts';
import type { ChangeRequestStore } from './change-request.ts';
import { openChangeRequest } from './change-requests.ts';
import type { ProposeChange } from './commit-edit.ts';

/** Proposes by change requests of our own, which a mirror's `main` knows nothing of. */
export function proposeBy(changeRequests: ChangeRequestStore): ProposeChange {
  return async (editing, proposal) => {
    if (editing.runtime.org.mode === 'mirror') throw mirrorIsReadOnly();
    const { number, head } = await openChangeRequest({ ...editing, changeRequests }, proposal);
    return { number, head, url: `/api/v1/change-requests/${number}` };
  };
}
