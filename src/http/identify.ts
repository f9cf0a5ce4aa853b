import type { Request, RequestHandler, Response } from 'express';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import { tokenOf } from './credential.ts';
import { addressOf, loadOf, principalOf, type RateLimiter, rateLimited } from './rate-limit.ts';

interface Deps {
  authenticator: Authenticator;
  limiter: RateLimiter;
}

/**
 * Says who calls, and counts the call: a caller's own bucket, and for a request
 * without a credential, or with a wrong one, its address's. So nobody's flood
 * keeps out another who has a credential.
 */
export function identify({ authenticator, limiter }: Deps): RequestHandler {
  return async (request, response, next) => {
    let caller: Caller | undefined;
    try {
      const token = tokenOf(request);
      caller = token === undefined ? undefined : await authenticator.authenticate(token);
    } catch (error) {
      // A failure of the database is nobody's guess at a key.
      if (error instanceof WaymarkError && error.code.startsWith('AUTH_')) {
        count(undefined, request, response);
      }
      throw error;
    }
    count(caller, request, response);
    response.locals['caller'] = caller;
    next();
  };

  function count(caller: Caller | undefined, request: Request, response: Response): void {
    const who = caller ? principalOf(caller) : addressOf(request.socket.remoteAddress);
    const taken = limiter.take(who, loadOf(request.method, request.originalUrl));
    for (const [name, value] of Object.entries(taken.headers)) response.setHeader(name, value);
    if (!taken.isAllowed) {
      response.setHeader('Retry-After', taken.retryAfterSec);
      throw rateLimited(taken, caller?.kind ?? 'address');
    }
    if (request.headers['if-none-match'] === undefined) return;
    response.once('finish', () => {
      if (response.statusCode === 304) limiter.exchange(who);
    });
  }
}

/** Undefined for a request without a credential. */
export const findCaller = (response: Response): Caller | undefined =>
  response.locals['caller'] as Caller | undefined;

/** @throws {WaymarkError} `AUTH_TOKEN_MISSING` */
export function getCaller(response: Response): Caller {
  const caller = findCaller(response);
  if (caller) return caller;
  const message = 'this needs a credential: send `Authorization: Bearer <key>`';
  throw new WaymarkError('AUTH_TOKEN_MISSING', message);
}
