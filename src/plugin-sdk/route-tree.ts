import type { PluginContext } from './context.ts';
import { requestParts, toWireAnswer } from './http-message.ts';
import { NextRequest } from './next-server.ts';
import { PluginError } from './plugin-error.ts';
import type { ApiRequest, JsonObject, Principal, WireAnswer } from './wire.ts';

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
type HttpMethod = (typeof HTTP_METHODS)[number];

type Params = ApiRequest['Params'];

export interface RouteArguments<P extends Params = Params, C = JsonObject> {
  /** Both forms of Next.js: read at once, or awaited. */
  params: P & Promise<P>;
  context: PluginContext<C>;
}

export type RouteHandler = (
  request: NextRequest,
  // biome-ignore lint/suspicious/noExplicitAny: each route names its own parameters
  args: any,
) => Response | WireAnswer | undefined | Promise<Response | WireAnswer | undefined>;

/** What a `route.ts` exports. */
export type RouteModule = { readonly [M in HttpMethod]?: RouteHandler };

/** By their place below `api/`: `items/[id]`. */
export type RouteTree = Readonly<Record<string, RouteModule>>;

interface Asked {
  principal: Principal;
  context: PluginContext<never>;
}

/** Of whom and what a request is, for what is told only the request. */
const asked = new WeakMap<Request, Asked>();

export const principalOf = (request: Request): Principal | undefined =>
  asked.get(request)?.principal;

export async function handleRoute(
  routes: RouteTree,
  wire: ApiRequest,
  context: PluginContext<never>,
): Promise<WireAnswer> {
  const module = routes[wire.Endpoint];
  const handler =
    module?.[wire.Method as HttpMethod] ?? (wire.Method === 'HEAD' ? module?.GET : undefined);
  if (!handler) {
    throw new PluginError('ENDPOINT_NOT_FOUND', `nothing answers ${wire.Method} ${wire.Endpoint}`, {
      httpStatus: 404,
    });
  }
  const request = new NextRequest(...requestParts(wire));
  asked.set(request, { principal: wire.Principal, context });
  const params = Object.assign(Promise.resolve(wire.Params), wire.Params);
  return toWireAnswer(await handler(request, { params, context }));
}
