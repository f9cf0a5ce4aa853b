import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { arrangeRoutes, type RouteTable } from '../plugin-host/arrange-routes.ts';
import { encodeRequest, inertJson } from '../plugin-host/contract/http-message.ts';
import { MANAGEMENT, menuOf, pagesRoot } from '../plugin-host/contract/management-path.ts';
import { tryEvent } from '../plugin-host/events/try-event.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { HOOK_CAPABILITIES, type HookEventType } from '../registry/server-manifest/hook-events.ts';
import { requestIdIn, success } from './envelope.ts';
import { jsonBody, readJson } from './json-body.ts';
import { orgFor } from './management-org.ts';
import { answerByPlugin } from './plugin-answer.ts';
import { noSuchPlugin, otherMethod } from './plugin-api-call.ts';
import { rawPathOf, readPluginRequest } from './plugin-request.ts';
import { shownPlugin } from './plugin-shapes.ts';
import { bodyOf, flag } from './shapes.ts';
import type { OrgNames } from './tenant.ts';

export interface PluginPlaces {
  plugins: PluginHost;
  orgs: OrgNames;
}

/** What the server itself answers below `/v0/management`: no plugin takes any of it over. */
export const HOST_ROUTES = [
  { method: 'GET', path: '/plugins' },
  { method: 'PATCH', path: '/plugins/:id/enabled' },
  { method: 'POST', path: '/plugins/:id/reload' },
  { method: 'POST', path: '/plugins/:id/approve' },
  { method: 'POST', path: '/plugins/:id/events' },
] as const;

const [LIST, ENABLE, RELOAD, APPROVE, EVENTS] = HOST_ROUTES;

const trial = jsonBody<{ type: HookEventType; data?: Record<string, unknown> }>(
  bodyOf({ type: { enum: Object.keys(HOOK_CAPABILITIES) }, data: { type: 'object' } }, ['type']),
);

const enabling = jsonBody<{ enabled: boolean }>(bodyOf({ enabled: flag }, ['enabled']));

interface ManagedPlaces extends PluginPlaces {
  clock: Clock;
}

/** Below `/v0/management`, behind its key: the server's own routes, then those of its plugins. */
export function managementPlugins({ plugins, orgs, clock }: ManagedPlaces): Router {
  const router = Router({ caseSensitive: true, strict: true });

  router.get(LIST.path, async (request, response) => {
    const org = orgFor(request.get('x-waymark-org'), orgs);
    await plugins.loadRoutes(org);
    const { diagnostics } = tableOf(plugins, org);
    const inOrg = orgs.slugs().length > 1 ? org : undefined;
    const all = plugins.plugins(org).map((one) => shownPlugin(one, menuOf(one, inOrg)));
    answer(LIST, response, { plugins: all, diagnostics });
  });

  router.patch(ENABLE.path, async (request, response) => {
    const { id } = request.params;
    const { enabled } = enabling.parse(await readJson(request, response));
    await plugins.setEnabled(id, enabled, actingBy(response));
    answer(ENABLE, response, { id, enabled });
  });

  router.post(RELOAD.path, async ({ params: { id } }, response) => {
    await plugins.reload(id);
    answer(RELOAD, response, { id });
  });

  router.post(APPROVE.path, async ({ params: { id } }, response) => {
    await plugins.approveProcess(id, actingBy(response));
    answer(APPROVE, response, { id });
  });

  router.post(EVENTS.path, async (request, response) => {
    const { id: pluginId } = request.params;
    const org = orgFor(request.get('x-waymark-org'), orgs);
    const { type, data = {} } = trial.parse(await readJson(request, response));
    const outcomes = await tryEvent(plugins, { org, pluginId, type, data }, clock);
    answer(EVENTS, response, { outcomes });
  });

  router.use(byPlugins({ plugins, orgs }));
  return router;
}

/** Where a path is nobody's own, who may stand anywhere may be there. */
const NOBODY = '';

function byPlugins({ plugins, orgs }: PluginPlaces): RequestHandler {
  return async (request, response, next) => {
    const path = rawPathOf(request).slice(MANAGEMENT.length);
    const org = orgFor(request.get('x-waymark-org'), orgs);
    response.locals['org'] = org;
    const [, id] = /^\/plugins\/([^/]+)\//.exec(path) ?? [];
    await plugins.loadRoutes(org, id ?? NOBODY);
    const table = tableOf(plugins, org);
    const found = table.find(request.method, path);
    if (found) await ask(plugins, { org, path, plugin: found.plugin }, request, response);
    else if (table.methodsOf(path).length > 0) {
      throw otherMethod(table.methodsOf(path), request, response);
    } else if (id !== undefined) throw nothingAt(plugins.find(org, id), id);
    else next();
  };
}

/** Of all that is enabled: who has which route. */
function tableOf(plugins: PluginHost, org: string): RouteTable<HostedPlugin> {
  const enabled = plugins.plugins(org).filter(({ isEnabled }) => isEnabled);
  return arrangeRoutes(enabled, HOST_ROUTES);
}

interface Target {
  org: string;
  path: string;
  plugin: HostedPlugin;
}

async function ask(
  plugins: PluginHost,
  { org, path, plugin }: Target,
  request: Request,
  response: Response,
): Promise<void> {
  response.locals['route'] = `${MANAGEMENT}/*path`;
  const params = encodeRequest({ ...(await readPluginRequest(request, response)), path });
  const call = { org, method: 'management.handle', params } as const;
  const roots = [`${MANAGEMENT}/plugins/${plugin.id}`, pagesRoot(plugin.id)];
  const place = { path: MANAGEMENT + path, roots };
  await answerByPlugin(plugins, { plugin, call, place }, request, response);
}

/** Why a plugin answers nothing at a place of its own. */
export function nothingAt(plugin: HostedPlugin | undefined, id: string): WaymarkError {
  if (!plugin?.isEnabled || plugin.state === 'failed') return noSuchPlugin(id, plugin);
  const availableEndpoints = plugin.routes.map(({ method, path }) => `${method} ${path}`);
  const message = `the plugin ${id} has no such endpoint`;
  return new WaymarkError('PLG_ENDPOINT_NOT_FOUND', message, { details: { availableEndpoints } });
}

const actingBy = (response: Response) => ({
  actor: 'system:management',
  requestId: requestIdIn(response),
});

function answer({ path }: { path: string }, response: Response, data: unknown): void {
  response.locals['route'] = MANAGEMENT + path;
  response.setHeader('Cache-Control', 'no-store');
  const body = inertJson(Buffer.from(JSON.stringify(success(response, data))));
  response.type('json').send(body);
}
