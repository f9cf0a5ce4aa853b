import type { RequestHandler, Response } from 'express';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import { clientAddressIn } from './client-address.ts';
import { countRequest } from './count-request.ts';
import { type Credential, credentialOf } from './credential.ts';
import { checkCsrf } from './csrf.ts';
import type { RateLimiter } from './rate-limit.ts';
import { sessionCookie } from './session-cookie.ts';

interface Deps {
  authenticator: Authenticator;
  limiter: RateLimiter;
  publicUrl: string | null;
}

/**
 * Says who calls, and counts the call: a caller's own bucket, and for a request
 * without a credential, or with a wrong one, its address's. So nobody's flood
 * keeps out another who has a credential.
 */
export function identify({ authenticator, limiter, publicUrl }: Deps): RequestHandler {
  return async (request, response, next) => {
    let credential: Credential | undefined;
    let caller: Caller | undefined;
    try {
      credential = credentialOf(request, publicUrl);
      caller = credential && (await callerOf(credential, response));
    } catch (error) {
      // The page cannot take it away itself, and would be refused with it for good.
      if (isRefusal(error) && credential?.kind === 'session') {
        response.setHeader('Set-Cookie', sessionCookie(request, publicUrl, null));
      }
      // A failure of the database is nobody's guess at a key.
      if (isRefusal(error)) countRequest(limiter, undefined, request, response);
      throw error;
    }
    countRequest(limiter, caller, request, response);
    if (credential?.kind === 'session') checkCsrf(request, credential.token, publicUrl);
    response.locals['caller'] = caller;
    next();
  };

  function callerOf(credential: Credential, response: Response): Promise<Caller> {
    if (credential.kind === 'password') {
      const address = clientAddressIn(response);
      return authenticator.authenticatePassword({ ...credential, address });
    }
    const { kind, token } = credential;
    return kind === 'session'
      ? authenticator.authenticateSession(token)
      : authenticator.authenticate(token);
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof WaymarkError && /^(AUTH_|RATE_LIMITED$)/.test(error.code);

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
