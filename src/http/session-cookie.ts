import type { IncomingMessage } from 'node:http';
import { placeOf } from './origin.ts';

/** `__Host-`: set over TLS, for this host and no other. No sibling's page can plant one. */
const nameAt = (request: IncomingMessage, publicUrl: string | null): string =>
  placeOf(request, publicUrl).isLocal ? 'waymark' : '__Host-waymark';

/** Every value that the request has for the cookie; one that was planted makes two. */
export function sessionTokensIn(request: IncomingMessage, publicUrl: string | null): string[] {
  const name = nameAt(request, publicUrl);
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

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
  const { isLocal } = placeOf(request, publicUrl);
  const parts = [
    `${nameAt(request, publicUrl)}=${token ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
  ];
  if (!isLocal) parts.push('Secure');
  if (token === null) parts.push('Max-Age=0');
  return parts.join('; ');
}
