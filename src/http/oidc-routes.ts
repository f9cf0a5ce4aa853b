import type { Request } from 'express';
import type { Authenticator } from '../identity/authenticate.ts';
import { LOGIN_SEC, type OidcLogin } from '../identity/oidc.ts';
import type { OidcSignIn } from '../identity/oidc-sign-in.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { cookieLine, cookiesOf, endedCookie } from './cookies.ts';
import { placeOf } from './origin.ts';
import { findReplaced } from './replaced-session.ts';
import { type Route, route } from './route.ts';
import { sessionCookie } from './session-cookie.ts';

interface Deps {
  /** Undefined where nobody logs in like this. */
  oidc: { login: OidcLogin; signIn: OidcSignIn } | undefined;
  authenticator: Pick<Authenticator, 'authenticateSession'>;
  publicUrl: string | null;
}

const COOKIE = 'waymark-oidc';
// A cookie has room for 4,096 bytes, and it is kept in one.
const text = { type: 'string', maxLength: 2000 };

/** A browser goes through these, so each success is a redirection. */
export function oidcRoutes({ oidc, authenticator, publicUrl }: Deps): Route[] {
  function configured() {
    if (oidc) return oidc;
    throw new WaymarkError('RES_NOT_FOUND', 'nobody logs in to this site by OpenID Connect');
  }

  return [
    route({
      method: 'get',
      path: '/auth/oidc/login',
      permission: 'public',
      scope: 'site',
      summary: 'Send a browser to the issuer that people log in at.',
      query: { returnTo: text },
      answers: { 302: null },
      async handle({ request, query, response }) {
        const { login } = configured();
        const returnTo = pathIn(query.get('returnTo'));
        const { address, isSecure } = placeFor(request, publicUrl);
        const { url, kept } = await login.begin(`${address}/api/v1/auth/oidc/callback`, returnTo);
        const cookie = { name: COOKIE, value: kept, maxAgeSec: LOGIN_SEC, isSecure };
        response.append('Set-Cookie', cookieLine(cookie));
        response.set('Cache-Control', 'no-store').redirect(url.href);
        return undefined;
      },
    }),
    route({
      method: 'get',
      path: '/auth/oidc/callback',
      permission: 'public',
      scope: 'site',
      summary: 'Begin the session of somebody whom the issuer sends back.',
      answers: { 302: null },
      async handle({ request, query, requestId, response }) {
        const { login, signIn } = configured();
        const { isSecure } = placeFor(request, publicUrl);
        // Also where it fails: what was begun is tried once.
        response.append('Set-Cookie', endedCookie(COOKIE, isSecure));
        const [kept] = cookiesOf(request, COOKIE, isSecure);
        const loggedIn = await login.complete(query, kept);
        const replacedId = await findReplaced(request, authenticator, publicUrl);
        const token = await signIn(loggedIn, requestId, replacedId);
        response.append('Set-Cookie', sessionCookie(request, publicUrl, token));
        response.set('Cache-Control', 'no-store').redirect(loggedIn.returnTo);
        return undefined;
      },
    }),
  ];
}

/** Where the browser is now, as the issuer must know it for sending it back. */
function placeFor(request: Request, publicUrl: string | null) {
  const { host, isLocal } = placeOf(request, publicUrl);
  const address = publicUrl ?? `${isLocal ? 'http' : 'https'}://${host}`;
  return { address, isSecure: !isLocal };
}

const HERE = 'http://localhost';

/** A path of this site; `//other.example` and `/\other.example` are none to a browser. */
function pathIn(returnTo: string | null): string {
  if (returnTo === null) return '/';
  const isPath = /^\/(?![/\\])[\x21-\x7e]*$/.test(returnTo) && !returnTo.includes('\\');
  if (isPath && URL.parse(returnTo, HERE)?.origin === HERE) return returnTo;
  throw invalidField('returnTo', 'must be a path of this site, such as /plugins');
}
