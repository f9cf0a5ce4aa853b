import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isSameText } from '../identity/keys.ts';
import { WaymarkError } from '../model/errors.ts';
import { isSameOrigin } from './origin.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What only a page that may read this server's answers knows. It says nothing of the session's token. */
export const csrfTokenOf = (sessionToken: string): string =>
  createHmac('sha256', sessionToken).update('csrf').digest('base64url');

/**
 * A browser sends a session's cookie along with what any page makes it ask for: a change needs
 * more.
 *
 * @throws {WaymarkError} `PERM_CSRF`
 */
export function checkCsrf(
  request: IncomingMessage,
  sessionToken: string,
  publicUrl: string | null,
): void {
  if (SAFE.has(request.method ?? '')) return;
  if (!isSameOrigin(request, publicUrl)) {
    throw new WaymarkError('PERM_CSRF', 'this was not asked for by a page of this server');
  }
  const presented = request.headers['x-csrf-token'];
  if (typeof presented === 'string' && isSameText(presented, csrfTokenOf(sessionToken))) return;
  const message = 'send the csrfToken of GET /api/v1/session as X-CSRF-Token';
  throw new WaymarkError('PERM_CSRF', message);
}
