import type { Authenticator } from '../identity/authenticate.ts';
import type { SessionStore } from '../identity/session.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { jsonBody } from './json-body.ts';
import { createLogIn, type LogIn, type LogInDeps } from './log-in.ts';
import { name, password } from './people-shapes.ts';
import { type Route, route } from './route.ts';
import { sessionCookie, sessionTokensIn } from './session-cookie.ts';
import { bodyOf, flag, objectOf, text, textOrNull, texts, timeOrNull } from './shapes.ts';
import { callerIn, checkOrg } from './tenant.ts';

interface Deps extends LogInDeps {
  sessions: SessionStore;
  authenticator: Pick<Authenticator, 'authenticateSession' | 'invalidate'>;
}

const logInBody = jsonBody<LogIn>(
  bodyOf({ username: name, password, org: text }, ['username', 'password']),
);

const inOrg = { org: text, roles: texts, permissions: texts };
const sessionShape = objectOf({
  user: {
    ...objectOf({
      id: text,
      username: text,
      displayName: text,
      email: textOrNull,
      isSiteAdmin: flag,
    }),
    type: ['object', 'null'],
  },
  ...inOrg,
  org: textOrNull,
  memberships: { type: 'array', items: objectOf(inOrg) },
  csrfToken: textOrNull,
  expiresAt: timeOrNull,
});
const shown = { data: sessionShape };
const path = '/session';

/** Logging in and out by browser; and for every credential, who it says that one is. */
export function sessionRoutes(deps: Deps): Route[] {
  const { sessions, authenticator, orgNames, publicUrl, clock } = deps;
  const { logIn, describe } = createLogIn(deps);

  return [
    route({
      method: 'post',
      path,
      permission: 'public',
      summary: 'Logs a person in by password, and sets the session’s cookie.',
      answers: { 201: shown },
      body: logInBody,
      async handle(call) {
        const { token, data } = await logIn(call);
        const headers = {
          Location: '/api/v1/session',
          'Set-Cookie': sessionCookie(call.request, publicUrl, token),
        };
        return { status: 201, body: data, headers };
      },
    }),
    route({
      method: 'get',
      path,
      permission: 'self',
      scope: 'site',
      summary: 'Who the credential of this request is, and what it may do.',
      answers: { 200: shown },
      async handle({ caller, request }) {
        const named = request.get('x-waymark-org');
        if (named !== undefined) checkOrg(caller, named, orgNames);
        const there = named === undefined ? caller : callerIn(caller, named);
        const [token] = caller.session ? sessionTokensIn(request, publicUrl) : [];
        return { status: 200, body: await describe(there, token) };
      },
    }),
    route({
      method: 'delete',
      path,
      permission: 'self',
      scope: 'site',
      summary: 'Logs out: ends the session and takes the cookie away.',
      answers: { 204: null },
      async handle({ caller: { session, actor, org }, request, requestId }) {
        if (!session) throw new WaymarkError('RES_NOT_FOUND', 'this credential has no session');
        const { id } = session;
        const what = { at: toTime(clock()), actor, action: 'session.end', resource: id };
        await sessions.end(id, { ...what, tenant: org ?? '*', requestId });
        authenticator.invalidate(id);
        return { status: 204, headers: { 'Set-Cookie': sessionCookie(request, publicUrl, null) } };
      },
    }),
  ];
}
