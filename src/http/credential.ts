import type { IncomingMessage } from 'node:http';
import { WaymarkError } from '../model/errors.ts';

/**
 * The token that a request carries; undefined when it carries none.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID` for one of an unknown form, or two that differ: one
 * that is present and wrong never falls through to another
 */
export function tokenOf({ headers, url = '' }: IncomingMessage): string | undefined {
  const { authorization } = headers;
  const apiKey = headers['x-api-key'];
  if (authorization === undefined && apiKey === undefined) return undefined;
  const carried = authorization === undefined ? [] : [tokenIn(authorization, url)];
  if (typeof apiKey === 'string') carried.push(apiKey);
  const [token] = carried;
  if (!token || carried.some((other) => other !== token)) throw malformed();
  return token;
}

function tokenIn(authorization: string, url: string): string | undefined {
  const space = authorization.indexOf(' ');
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === 'bearer') return value;
  // Elsewhere a browser would send a remembered password along unasked.
  if (scheme === 'basic' && url.startsWith('/git/')) return passwordIn(value);
  return undefined;
}

/** What stands for the user is not read: the key names whose it is. */
function passwordIn(base64: string): string | undefined {
  const pair = Buffer.from(base64, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

const malformed = (): WaymarkError =>
  new WaymarkError(
    'AUTH_TOKEN_INVALID',
    'send one credential, as `Authorization: Bearer <key>` or as `X-API-Key: <key>`',
  );
