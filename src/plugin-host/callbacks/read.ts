import { invalidField } from '../../model/errors.ts';
import { type CallRecord, checkGranted } from './call-records.ts';
import { maybeMapIn, maybeNumberIn, maybeTextIn, type Params, textIn } from './params.ts';
import type { ReadPort, ReadQuery } from './read-port.ts';

/** What the API shows to the binding, and to whoever it acts for. */
export function readCallbacks(read: ReadPort) {
  return {
    'host.read': async (record: CallRecord, params: Params) => {
      const query = queryIn(params);
      checkGranted(record, `read:${query.resource}`);
      const { guest, binding, caller, requestId } = record;
      return await read({ org: guest.org, binding, requestId, ...(caller && { caller }) }, query);
    },
  };
}

function queryIn(params: Params): ReadQuery {
  const filter = maybeMapIn(params, 'filter');
  const sort = maybeTextIn(params, 'sort', 200);
  const page = maybeNumberIn(params, 'page', 1, Number.MAX_SAFE_INTEGER);
  const pageSize = maybeNumberIn(params, 'pageSize', 1, 100);
  return {
    resource: textIn(params, 'resource', 100),
    ...idIn(params),
    ...(filter && { filter }),
    ...(sort !== undefined && { sort }),
    ...(page !== undefined && { page }),
    ...(pageSize !== undefined && { pageSize }),
  };
}

function idIn(params: Params): { id?: string } {
  const id = params['id'] ?? undefined;
  if (id === undefined) return {};
  // A change request's is a number.
  if (typeof id === 'number') return { id: String(id) };
  if (typeof id === 'string' && id !== '' && id.length <= 256) return { id };
  throw invalidField('id', 'must be a text of at most 256 characters', 'type');
}
