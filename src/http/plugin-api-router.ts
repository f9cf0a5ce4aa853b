import { type Request, type RequestHandler, type Response, Router } from 'express';
import { WaymarkError } from '../model/errors.ts';
import { encodeRequest, type PlainRequest } from '../plugin-host/contract/http-message.ts';
import { RESOURCE } from '../plugin-host/contract/management-path.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import type { JsonSchema, RateTier } from '../registry/server-manifest/manifest.ts';
import { clientAddressIn } from './client-address.ts';
import { answerByPlugin } from './plugin-answer.ts';
import { type ApiCall, type ApiPlace, admitApiCall } from './plugin-api-call.ts';
import { rawPathOf, readPluginRequest } from './plugin-request.ts';
import { addressOf, principalOf, rateLimited } from './rate-limit.ts';
import { awaitSequence, type Sequences } from './read-your-writes.ts';
import type { OrgNames } from './tenant.ts';
import type { TierLimiter } from './tier-limit.ts';

/** Holds a value against an author's schema, in a worker and within a deadline. */
export type CheckInput = (
  schema: JsonSchema,
  value: unknown,
) => Promise<
  { isValid: true } | { isValid: false; errors: readonly { field: string; message: string }[] }
>;

interface Deps {
  plugins: Pick<PluginHost, 'find' | 'findBinding' | 'call'>;
  orgs: OrgNames;
  checkInput: CheckInput;
  /** Undefined where nothing is limited. */
  tiers: TierLimiter | undefined;
  sequences?: Sequences;
}

const API = '/api/v1/plugin';
const PLACE = /^\/api\/v1\/plugin\/([^/]+)\/(.+)$/;

/**
 * `/api/v1/plugin/<plugin>/<endpoint>`, behind `identify`: what server parts answer.
 *
 * @see docs/spec/plugin-host.md, "Plugin API routes"
 */
export function pluginApiRouter(deps: Deps): Router {
  const router = Router({ caseSensitive: true });
  const serve: RequestHandler = async (request, response, next) => {
    const [, pluginId, endpoint] = PLACE.exec(rawPathOf(request)) ?? [];
    if (pluginId === undefined || endpoint === undefined) return next();
    response.locals['route'] = `${API}/:plugin/*endpoint`;
    await answer({ pluginId, endpoint }, request, response, deps);
  };
  router.use(serve);
  return router;
}

async function answer(
  place: ApiPlace,
  request: Request,
  response: Response,
  deps: Deps,
): Promise<void> {
  const { plugins, tiers, sequences } = deps;
  const call = admitApiCall(place, request, response, deps);
  if (tiers) takeFrom(tiers, call, response);
  if (sequences) await awaitSequence(request, call.org, sequences);
  const asked = await readPluginRequest(request, response);
  const { org, plugin, route, binding, params: Params, caller, principal: Principal } = call;
  if (route.input) await checkAgainst(route.input, asked, deps.checkInput);
  const path = rawPathOf(request);
  const method = asked.method === 'HEAD' ? route.method : asked.method;
  const params = {
    ...encodeRequest({ ...asked, method, path }),
    Endpoint: route.path,
    Params,
    Principal,
  };
  const roots = [`${API}/${plugin.id}`, `${RESOURCE}/plugins/${plugin.id}`];
  await answerByPlugin(
    plugins,
    {
      plugin,
      call: { org, method: 'api.handle', params, binding, caller },
      place: { path, roots },
    },
    request,
    response,
  );
}

/** @throws {WaymarkError} `RATE_LIMITED` */
function takeFrom(tiers: TierLimiter, { org, plugin, route, caller }: ApiCall, response: Response) {
  const isAnonymous = caller.kind === 'anonymous';
  const who = isAnonymous ? addressOf(clientAddressIn(response)) : principalOf(caller);
  const tier: RateTier = route.rateTier;
  const taken = tiers.take(`${org}/${plugin.id} ${who.org}/${who.name}`, tier);
  for (const [name, value] of Object.entries(taken.headers)) response.setHeader(name, value);
  if (!taken.isAllowed) throw rateLimited(taken, `plugin:${plugin.id}:${tier}`);
}

/** Which of its parts a request's meaning is in. */
const IN_QUERY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);

async function checkAgainst(
  schema: JsonSchema,
  { method, query, body }: Pick<PlainRequest, 'method' | 'query' | 'body'>,
  check: CheckInput,
): Promise<void> {
  const value = IN_QUERY.has(method) ? objectOf(query) : parsed(body);
  const verdict = await check(schema, value);
  if (verdict.isValid) return;
  const { errors } = verdict;
  const message = errors.map(({ field, message: why }) => `${field} ${why}`.trim()).join('; ');
  throw new WaymarkError('VAL_FAILED', message, { details: { errors } });
}

const objectOf = (query: URLSearchParams): Record<string, string | string[]> =>
  Object.fromEntries(
    [...Map.groupBy(query, ([name]) => name)].map(([name, all]) => {
      const values = all.map(([, value]) => value);
      return [name, values.length === 1 ? values[0]! : values];
    }),
  );

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw new WaymarkError('VAL_JSON', 'the body is not well-formed JSON', {}, { cause });
  }
}
