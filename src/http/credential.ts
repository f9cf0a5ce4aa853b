import type { IncomingMessage } from 'node:http';
import { isOwnToken } from '../identity/keys.ts';
import { WaymarkError } from '../model/errors.ts';
import { isPluginPlace } from './plugin-place.ts';
import { sessionTokensIn } from './session-cookie.ts';

/** What a request says who it is by. */
export type Credential =
  | { kind: 'token'; token: string }
  | { kind: 'session'; token: string }
  | { kind: 'password'; username: string; password: string };

/** Where somebody logs in: a session that they had is no claim then, and may have ended. */
const LOG_IN = /^(?:POST \/api\/v1\/session|GET \/api\/v1\/auth\/oidc\/[a-z]+)(?:\?|$)/;

/**
 * Undefined for a request without one.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID` for one of an unknown form, or two that differ: one
 * that is present and wrong never falls through to another
 */
export function credentialOf(
  request: IncomingMessage,
  publicUrl: string | null,
): Credential | undefined {
  const { headers, method = '' } = request;
  const url = addressIn(request);
  const { authorization } = headers;
  const apiKey = headers['x-api-key'];
  const isLogIn = LOG_IN.test(`${method} ${url}`);
  const tokens = [
    ...(authorization === undefined ? [] : [credentialIn(authorization, request)]),
    ...(apiKey === undefined ? [] : [tokenCredential(String(apiKey))]),
  ];
  // A plugin's route goes by a key alone where there is one: a browser sends its cookie unasked.
  const hasSessions = !isLogIn && (tokens.length === 0 || !isPluginPlace(url));
  const sessions = hasSessions ? sessionTokensIn(request, publicUrl) : [];
  const carried: (Credential | undefined)[] = [...tokens, ...sessions.map(sessionCredential)];
  if (carried.length === 0) return undefined;
  const [credential] = carried;
  if (!credential || carried.some((other) => !isSame(credential, other))) throw malformed();
  return credential;
}

/** Whole, also below where a router is mounted. */
const addressIn = ({ url = '', originalUrl = url }: IncomingMessage & { originalUrl?: string }) =>
  originalUrl;

const isSame = (one: Credential, other: Credential | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const tokenCredential = (token: string): Credential | undefined =>
  token === '' ? undefined : { kind: 'token', token };

const sessionCredential = (token: string): Credential => ({ kind: 'session', token });

function credentialIn(authorization: string, request: IncomingMessage): Credential | undefined {
  const space = authorization.indexOf(' ');
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === 'bearer') return tokenCredential(value);
  if (scheme !== 'basic') return undefined;
  // Elsewhere a browser would send a remembered password along unasked.
  const url = addressIn(request);
  if (url.startsWith('/git/')) return basicIn(value);
  return url === TOKEN_ENDPOINT ? tokenCredential(pairIn(value).password) : undefined;
}

/** Where OAuth's clients send their key as the password of Basic, beside a name of their own. */
const TOKEN_ENDPOINT = '/api/v1/auth/token';

/** For an operator's own key, whose form says nothing: as a user name beside it. */
const NOBODY = new Set(['', 'git']);

/** A token names whose it is, whatever stands for the user; anything else is that user's password. */
function basicIn(base64: string): Credential | undefined {
  const { username, password } = pairIn(base64);
  if (password === '') return undefined;
  if (isOwnToken(password) || NOBODY.has(username)) return tokenCredential(password);
  return { kind: 'password', username, password };
}

function pairIn(base64: string): { username: string; password: string } {
  const pair = Buffer.from(base64, 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon < 0) return { username: '', password: '' };
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

const malformed = (): WaymarkError =>
  new WaymarkError(
    'AUTH_TOKEN_INVALID',
    'send one credential, as `Authorization: Bearer <key>` or as `X-API-Key: <key>`',
  );
