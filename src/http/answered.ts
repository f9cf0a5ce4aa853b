import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../identity/caller.ts';

/** One request, once its answer has ended: what may be counted and logged of it. */
export interface Answered {
  method: string;
  /** The route's pattern, never the path: that may hold a token. `none` for what is no route. */
  route: string;
  /** As sent; 499 where the client went away before. */
  status: number;
  elapsedMs: number;
  requestId: string;
  org?: string;
  /** As the audit log names it. */
  actor?: string;
  /** By the hot path: every client's, all day. */
  isHot: boolean;
}

export type OnAnswered = (answered: Answered) => void;

const GONE = 499;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * @param response `locals` has the route and the org that the request got to, if any
 * @param startedAtMs by `performance.now`
 */
export function describeAnswer(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse & { locals?: Record<string, unknown> },
  { startedAtMs, isHot }: { startedAtMs: number; isHot: boolean },
): Answered {
  const { route, org, caller } = (response.locals ?? {}) as {
    route?: string;
    org?: string;
    caller?: Caller;
  };
  return {
    // Anything may stand there, and each would be a series of its own.
    method: METHODS.has(method) ? method : 'other',
    route: isHot ? hotRouteOf(url) : (route ?? 'none'),
    status: response.writableFinished || response.writableEnded ? response.statusCode : GONE,
    elapsedMs: performance.now() - startedAtMs,
    requestId: String(response.getHeader('X-Request-Id') ?? ''),
    ...(org === undefined ? {} : { org }),
    ...(caller === undefined ? {} : { actor: caller.actor }),
    isHot,
  };
}

function hotRouteOf(url: string): string {
  if (url.endsWith('/check-updates')) {
    return '/v1/orgs/:orgId/delivery/clients/:clientId/check-updates';
  }
  const isManifest = /\/manifest(\?|$)/.test(url);
  return `/v1/orgs/:orgId/delivery/${isManifest ? 'plugins/:plugin/manifest' : 'index'}`;
}
