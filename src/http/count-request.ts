import type { Request, Response } from 'express';
import type { Caller } from '../identity/caller.ts';
import { clientAddressIn } from './client-address.ts';
import { addressOf, loadOf, principalOf, type RateLimiter, rateLimited } from './rate-limit.ts';

/**
 * Takes the request from its caller's bucket, or without one from its address's, and says in its
 * headers what is left.
 *
 * @throws {WaymarkError} `RATE_LIMITED`
 */
export function countRequest(
  limiter: RateLimiter,
  caller: Caller | undefined,
  request: Request,
  response: Response,
): void {
  const who = caller ? principalOf(caller) : addressOf(clientAddressIn(response));
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
