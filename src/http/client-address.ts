import type { IncomingMessage } from 'node:http';
import type { RequestHandler, Response } from 'express';
import { isIn, type Network, parseAddress } from '../outbound/address.ts';

/**
 * Where a request comes from: the connection's own address; behind proxies that are trusted, the
 * last of `X-Forwarded-For` that is none of them. What stands before it anybody may have written.
 */
export function findClientAddress(
  { socket, headers }: IncomingMessage,
  proxies: readonly Network[],
): string | undefined {
  const peer = socket.remoteAddress;
  const address = proxies.length === 0 ? undefined : parseAddress(peer ?? '');
  if (!address) return peer;
  let client = address;
  const entries = String(headers['x-forwarded-for'] ?? '').split(',');
  for (const entry of entries.reverse()) {
    if (!isIn(client, proxies)) break;
    const forwarded = parseAddress(entry.trim());
    if (!forwarded) break;
    client = forwarded;
  }
  return client.toString();
}

/** Finds it once for all that ask below, which is by `clientAddressIn`. */
export const placeClientAddress =
  (proxies: readonly Network[]): RequestHandler =>
  (request, response, next) => {
    response.locals['clientAddress'] = findClientAddress(request, proxies);
    next();
  };

/** Undefined for a client that has gone already. */
export const clientAddressIn = (response: Response): string | undefined =>
  response.locals['clientAddress'] as string | undefined;
