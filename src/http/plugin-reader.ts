import type { Caller } from '../identity/caller.ts';
import { departmentScope, type OrgPolicy } from '../identity/org-policy.ts';
import type { Permission } from '../identity/roles.ts';
import { WaymarkError } from '../model/errors.ts';
import { parseVersionTag } from '../model/names.ts';
import type { Binding } from '../plugin-host/binding.ts';
import type { ReadPort, ReadQuery, ReadScope } from '../plugin-host/callbacks/read-port.ts';
import type { Call, Route } from './route.ts';
import { checkPermission } from './tenant.ts';

/** Which row of the API answers, and with which parameters of its path. */
interface Place {
  path: string;
  params: Readonly<Record<string, string>>;
}

/**
 * What server parts read, answered by the API's own rows: what is hidden there is hidden here.
 *
 * @param rows of `/api/v1`, of which those are used that plugins may read
 */
export function createPluginReader(
  rows: readonly Route[],
  policyOf: (org: string) => OrgPolicy | undefined,
): ReadPort {
  return async (scope, query) => {
    const { path, params } = placeOf(query);
    const row = rows.find((one) => one.method === 'get' && one.path === path);
    if (!row) throw unreadable(query.resource);
    const { org, requestId } = scope;
    const policy = policyOf(org);
    const permission = row.permission as Permission;
    const caller = readerIn(scope, permission, policy);
    checkPermission(caller, permission);
    const call = { org, caller, policy, params, query: searchOf(query), requestId };
    // These handlers look at nothing else of a request.
    const answer = await row.handle(call as unknown as Call);
    const { body, pagination } = answer!;
    return pagination ? { items: body, pagination } : body;
  };
}

const LISTS = new Map([
  ['releases', '/releases'],
  ['namespaces', '/namespaces'],
  ['departments', '/departments'],
  ['change-requests', '/change-requests'],
  ['plugins', '/plugins'],
  ['integrations', '/integrations'],
]);

function placeOf({ resource, id, filter }: ReadQuery): Place {
  if (resource === 'releases') return releasePlace(id, filter?.['plugin']);
  const list = LISTS.get(resource);
  if (list === undefined) throw unreadable(resource);
  if (id === undefined) return { path: list, params: {} };
  if (resource === 'change-requests') return { path: `${list}/:number`, params: { number: id } };
  return { path: `${list}/:id`, params: { id } };
}

/** By tag, `sales--v1.4.0` or `release/autumn`; of one plugin where the filter names it. */
function releasePlace(id: string | undefined, plugin: unknown): Place {
  const versions = '/components/:plugin/versions';
  if (id !== undefined) {
    const version = parseVersionTag(id);
    if (version) return { path: `${versions}/:version`, params: version };
    return { path: '/releases/:name', params: { name: id.replace(/^release\//, '') } };
  }
  if (typeof plugin === 'string') return { path: versions, params: { plugin } };
  return { path: '/releases', params: {} };
}

const unreadable = (resource: string) =>
  new WaymarkError('PLG_METHOD_UNSUPPORTED', `${resource} cannot be read by plugins`);

function searchOf({ resource, filter, sort, page, pageSize }: ReadQuery): URLSearchParams {
  const search = new URLSearchParams();
  const isTaken = resource === 'releases' && typeof filter?.['plugin'] === 'string';
  if (filter && !isTaken) search.set('filter', JSON.stringify(filter));
  if (sort !== undefined) search.set('sort', sort);
  if (page !== undefined) search.set('page', String(page));
  if (pageSize !== undefined) search.set('pageSize', String(pageSize));
  return search;
}

/** The binding itself; or whoever it acts for, within what the binding may see. */
function readerIn(
  { org, binding, caller }: ReadScope,
  permission: Permission,
  policy: OrgPolicy | undefined,
): Caller {
  const own = bindingCaller(org, binding, permission);
  if (!caller) return own;
  if (binding.scope !== 'namespace' || !policy) return caller;
  const departments = [...inBoth(departmentScope(own, policy), departmentScope(caller, policy))];
  const { within: _within, ...rest } = caller;
  return { ...rest, user: null, teams: [], roles: [], isSiteAdmin: false, departments };
}

function inBoth(a: ReadonlySet<string> | 'all', b: ReadonlySet<string> | 'all'): Set<string> {
  if (a === 'all') return b === 'all' ? new Set() : new Set(b);
  return b === 'all' ? new Set(a) : a.intersection(b);
}

/** An org's or an integration's sees all of the org; a namespace's its own department and below. */
function bindingCaller(org: string, binding: Binding, permission: Permission): Caller {
  const isWhole = binding.scope !== 'namespace';
  const { pluginId, departmentId } = binding;
  return {
    kind: 'key',
    id: pluginId,
    actor: `plugin:${pluginId}`,
    org,
    user: null,
    teams: [],
    roles: isWhole ? ['admin'] : [],
    grantRoles: ['admin'],
    permissions: new Set([permission]),
    isSiteAdmin: false,
    departments: departmentId === null ? [] : [departmentId],
  };
}
