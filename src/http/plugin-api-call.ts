import type { Request, Response } from 'express';
import { ANONYMOUS, type Caller } from '../identity/caller.ts';
import { departmentScope, type OrgPolicy, underPolicy } from '../identity/org-policy.ts';
import { checkPluginScope } from '../identity/plugin-scope.ts';
import type { Permission } from '../identity/roles.ts';
import { WaymarkError } from '../model/errors.ts';
import type { PluginScope } from '../model/permissions.ts';
import type { BindingRef, WirePrincipal } from '../plugin-host/contract/wire.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import {
  type ApiMatch,
  type ApiParams,
  type ApiTable,
  compileRoutes,
} from '../registry/server-manifest/api-segments.ts';
import type { ApiRoute } from '../registry/server-manifest/manifest.ts';
import { findCaller, getCaller } from './identify.ts';
import { queryOf } from './plugin-request.ts';
import { callerIn, checkPermission, type OrgNames, orgOf } from './tenant.ts';

/** One call of an API route, as its handler may have it. */
export interface ApiCall {
  org: string;
  plugin: HostedPlugin;
  route: ApiRoute;
  params: ApiParams;
  caller: Caller;
  principal: WirePrincipal;
  binding: BindingRef;
}

interface Deps {
  plugins: Pick<PluginHost, 'find' | 'findBinding'>;
  orgs: OrgNames;
}

/** What a URL asks for: `/api/v1/plugin/<pluginId>/<endpoint>`. */
export interface ApiPlace {
  pluginId: string;
  endpoint: string;
}

/**
 * Whether the caller may, and what answers. Nothing of the plugin has run yet.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_MISSING`, `PERM_DENIED`, `PLG_NOT_FOUND`,
 * `PLG_ENDPOINT_NOT_FOUND`, `RES_METHOD`, `RES_NOT_FOUND` for the organisation or namespace
 */
export function admitApiCall(
  { pluginId, endpoint }: ApiPlace,
  request: Request,
  response: Response,
  { plugins, orgs }: Deps,
): ApiCall {
  const known = findCaller(response);
  const org = known ? orgOf(known, request.get('x-waymark-org'), orgs) : orgNamed(request, orgs);
  if (org !== undefined) response.locals['org'] = org;
  const plugin = org === undefined ? undefined : findEnabled(plugins, org, pluginId);
  const match = plugin && tableOf(plugin).match(request.method, endpoint);
  const policy = org === undefined ? undefined : orgs.policy?.(org);
  const caller = known && org !== undefined ? memberIn(known, org, policy) : undefined;
  if (caller?.kind === 'client' || !isPublic(plugin, match)) {
    checkPluginScope(caller ?? getCaller(response), scopeOf(pluginId, request.method));
  }
  if (org === undefined) throw noSuchPlugin(pluginId, undefined);
  if (!plugin || !match) throw noSuchPlugin(pluginId, plugins.find(org, pluginId));
  const { route, params } = foundIn(match, plugin, request, response);
  const asking = caller ?? ANONYMOUS;
  if (route.permission !== undefined) checkPermission(asking, route.permission as Permission);
  const about = { org, plugin, route, params, caller: asking };
  const namespace = request.get('x-waymark-namespace');
  const binding = bindingOf({ ...about, policy, plugins }, namespace);
  return { ...about, binding, principal: principalOf(asking, policy) };
}

/** For whoever has no credential. */
function orgNamed(request: Request, orgs: OrgNames): string | undefined {
  const named = queryOf(request).get('org');
  const [only, ...others] = orgs.slugs();
  const org = named ?? (others.length === 0 ? only : undefined);
  return org !== undefined && orgs.has(org) ? org : undefined;
}

export function findEnabled(
  plugins: Pick<PluginHost, 'find'>,
  org: string,
  id: string,
): HostedPlugin | undefined {
  const plugin = plugins.find(org, id);
  return plugin?.isEnabled && plugin.manifest.capabilities.has('api_routes') ? plugin : undefined;
}

const tables = new WeakMap<readonly ApiRoute[], ApiTable>();

function tableOf({ manifest: { apiRoutes } }: HostedPlugin): ApiTable {
  const known = tables.get(apiRoutes) ?? compileRoutes(apiRoutes).table;
  tables.set(apiRoutes, known);
  return known;
}

function memberIn(known: Caller, org: string, policy: OrgPolicy | undefined): Caller {
  const member = callerIn(known, org);
  return policy ? underPolicy(member, policy) : member;
}

const isPublic = (plugin: HostedPlugin | undefined, match: ApiMatch | undefined): boolean =>
  match?.kind === 'found' &&
  match.route.auth === 'public' &&
  plugin?.grants.includes('publicRoutes') === true;

const scopeOf = (pluginId: string, method: string): PluginScope =>
  `plugin:${pluginId}:${method === 'GET' || method === 'HEAD' ? 'read' : 'write'}`;

/** Why nothing answers for it. */
export function noSuchPlugin(id: string, plugin: HostedPlugin | undefined): WaymarkError {
  if (!plugin?.isEnabled) return new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
  return plugin.state === 'failed'
    ? new WaymarkError('PLG_FAILED', `the plugin ${id} cannot run`)
    : new WaymarkError('PLG_NOT_FOUND', `the plugin ${id} has no routes`);
}

function foundIn(
  match: ApiMatch,
  plugin: HostedPlugin,
  request: Request,
  response: Response,
): Extract<ApiMatch, { kind: 'found' }> {
  if (match.kind === 'found') return match;
  if (match.kind === 'other-method') throw otherMethod(match.allow, request, response);
  const message = `the plugin ${plugin.id} has no such endpoint`;
  const { endpoints: availableEndpoints } = tableOf(plugin);
  throw new WaymarkError('PLG_ENDPOINT_NOT_FOUND', message, { details: { availableEndpoints } });
}

export function otherMethod(
  allow: readonly string[],
  { method }: Request,
  response: Response,
): WaymarkError {
  response.setHeader('Allow', allow.join(', '));
  return new WaymarkError('RES_METHOD', `${method} is not possible here`);
}

interface Bound {
  org: string;
  plugin: HostedPlugin;
  caller: Caller;
  policy: OrgPolicy | undefined;
  plugins: Pick<PluginHost, 'findBinding'>;
}

/** The org's own, or that of the namespace that is named. */
function bindingOf(
  { org, plugin, caller, policy, plugins }: Bound,
  namespace: string | undefined,
): BindingRef {
  if (namespace === undefined) return { scope: 'org', id: plugin.id };
  const ref: BindingRef = { scope: 'namespace', id: `${namespace}.${plugin.id}` };
  const binding = plugins.findBinding(org, ref);
  const scope = policy && departmentScope(caller, policy);
  const isSeen = scope === 'all' || scope?.has(binding?.departmentId ?? '');
  if (binding?.isEnabled && isSeen) return ref;
  const message = `there is no namespace ${namespace} with the plugin ${plugin.id}`;
  throw new WaymarkError('RES_NOT_FOUND', message);
}

const TYPES: Readonly<Record<Caller['kind'], string>> = {
  user: 'user',
  key: 'apiKey',
  jwt: 'jwt',
  client: 'client',
  anonymous: 'anonymous',
};

function principalOf(caller: Caller, policy: OrgPolicy | undefined): WirePrincipal {
  const { id, kind, roles, permissions, scopes = [] } = caller;
  const departments = policy ? departmentScope(caller, policy) : [];
  const all = departments === 'all' ? policy!.departments.keys() : departments;
  return {
    id,
    type: TYPES[kind],
    roles,
    permissions: [...permissions].sort(),
    scopes: [...scopes].sort(),
    departmentIds: [...all].sort(),
  };
}
