import type { IncomingMessage } from 'node:http';
import { cookieLine, cookiesOf, endedCookie } from './cookies.ts';
import { placeOf } from './origin.ts';

const NAME = 'waymark';

/** Every value that the request has for the cookie; one that was planted makes two. */
export const sessionTokensIn = (request: IncomingMessage, publicUrl: string | null): string[] =>
  cookiesOf(request, NAME, !placeOf(request, publicUrl).isLocal);

/**
 * `Set-Cookie` for a session.
 *
 * @param token null takes the cookie away
 */
export function sessionCookie(
  request: IncomingMessage,
  publicUrl: string | null,
  token: string | null,
): string {
  const isSecure = !placeOf(request, publicUrl).isLocal;
  if (token === null) return endedCookie(NAME, isSecure);
  return cookieLine({ name: NAME, value: token, isSecure });
}
