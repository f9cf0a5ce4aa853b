import express, { type Express, type Router } from 'express';
import type { Authenticator } from '../identity/authenticate.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Network } from '../outbound/address.ts';
import { placeClientAddress } from './client-address.ts';
import { countRequest } from './count-request.ts';
import { type LogError, sendError } from './errors.ts';
import { healthRouter, type Readiness } from './health-routes.ts';
import { identify } from './identify.ts';
import { placePluginHeaders } from './plugin-place.ts';
import type { RateLimiter } from './rate-limit.ts';

export interface AppParts {
  authenticator: Authenticator;
  limiter: RateLimiter;
  readiness: Readiness;
  logError: LogError;
  /** Where browsers find it; null: at the host that they ask for. */
  publicUrl: string | null;
  /** Whose word on where a request comes from is taken. */
  trustedProxies: readonly Network[];
  /** Mounted before anybody is identified: it has a key of its own. */
  management: Router;
  /** Mounted before anybody is identified: its pages are for everybody. */
  pages?: Router;
  /** `/metrics`, which has a token of its own. */
  metrics?: Router;
  /** Where each part of the service is mounted. */
  routers: readonly { at: string; router: Router }[];
}

export function createApp(parts: AppParts): Express {
  const { authenticator, limiter, readiness, logError, publicUrl } = parts;
  const { management, pages, metrics, routers } = parts;
  const app = express();
  app.disable('x-powered-by');
  // Each resource has its own ETag, which may be of more than its bytes.
  app.disable('etag');
  app.enable('case sensitive routing');
  // Queries are read from the URL itself: no nested objects from outside.
  app.set('query parser', false);
  app.use(healthRouter(readiness));
  if (metrics) app.use(metrics);
  app.use(placeClientAddress(parts.trustedProxies));
  app.use(placePluginHeaders);
  app.use('/v0', (request, response, next) => {
    countRequest(limiter, undefined, request, response);
    next();
  });
  app.use('/v0/management', management);
  if (pages) app.use('/v0/resource', pages);
  app.use(identify({ authenticator, limiter, publicUrl }));
  for (const { at, router } of routers) app.use(at, router);
  app.use(() => {
    // Which is not repeated: a token may stand in it.
    throw new WaymarkError('RES_NOT_FOUND', 'there is nothing at this address');
  });
  app.use(sendError(logError));
  return app;
}
