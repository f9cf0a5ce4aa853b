import { type Request, type RequestHandler, type Response, Router } from 'express';
import { WaymarkError } from '../model/errors.ts';
import { encodeRequest } from '../plugin-host/contract/http-message.ts';
import { pagesRoot, RESOURCE } from '../plugin-host/contract/management-path.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { nothingAt, type PluginPlaces } from './management-plugins.ts';
import { answerByPlugin } from './plugin-answer.ts';
import { otherMethod } from './plugin-api-call.ts';
import { rawPathOf, readPluginRequest } from './plugin-request.ts';
import type { OrgNames } from './tenant.ts';

interface Place {
  /** Undefined where the path names none. */
  org: string | undefined;
  pluginId: string;
  /** Of the page, below the plugin's own place. */
  path: string;
}

const PLACE = /^\/v0\/resource(?:\/orgs\/([^/]+))?\/plugins\/([^/]+)(\/.+)$/;
const METHODS = ['GET', 'HEAD'];

/** `/v0/resource`: the pages of server parts, for everybody. */
export function resourcePages(deps: PluginPlaces): Router {
  const router = Router({ caseSensitive: true });
  const serve: RequestHandler = async (request, response, next) => {
    const place = placeIn(request);
    if (!place) return next();
    response.locals['route'] = `${RESOURCE}/plugins/:id/*path`;
    if (!METHODS.includes(request.method)) throw otherMethod(METHODS, request, response);
    await answerPage(place, request, response, deps);
  };
  router.use(serve, () => {
    throw new WaymarkError('RES_NOT_FOUND', 'there is nothing at this address');
  });
  return router;
}

function placeIn(request: Request): Place | undefined {
  const [, org, pluginId, path] = PLACE.exec(rawPathOf(request)) ?? [];
  return pluginId === undefined || path === undefined ? undefined : { org, pluginId, path };
}

async function answerPage(
  { org: named, pluginId, path }: Place,
  request: Request,
  response: Response,
  { plugins, orgs }: PluginPlaces,
): Promise<void> {
  const org = orgOfPage(named, pluginId, plugins, orgs);
  if (org === undefined) throw nothingAt(undefined, pluginId);
  response.locals['org'] = org;
  await plugins.loadRoutes(org, pluginId);
  const plugin = plugins.find(org, pluginId);
  const isThere = plugin?.isEnabled && plugin.pages.some((page) => page.path === path);
  if (!plugin || !isThere) throw withoutList(nothingAt(plugin, pluginId));
  const params = encodeRequest({ ...(await readPluginRequest(request, response)), path });
  const call = { org, method: 'management.handle', params } as const;
  const roots = [pagesRoot(pluginId), pagesRoot(pluginId, org)];
  const asked = { plugin, call, place: { path: rawPathOf(request), roots }, isPage: true };
  await answerByPlugin(plugins, asked, request, response);
}

/**
 * A page of a built-in or a host plugin is the same for all: without a name it is of the first that
 * has it on. What an org's own registry brings along is never anybody else's.
 */
function orgOfPage(
  named: string | undefined,
  pluginId: string,
  plugins: Pick<PluginHost, 'find'>,
  orgs: OrgNames,
): string | undefined {
  if (named !== undefined) return orgs.has(named) ? named : undefined;
  const slugs = [...orgs.slugs()].sort();
  if (slugs.length === 1) return slugs[0];
  return slugs.find((org) => isOfTheSite(plugins.find(org, pluginId)));
}

const isOfTheSite = (plugin: HostedPlugin | undefined): boolean =>
  plugin?.isEnabled === true && plugin.source !== 'registry';

/** The management routes are not for everybody to know. */
const withoutList = ({ code, message }: WaymarkError): WaymarkError =>
  new WaymarkError(code, message);
