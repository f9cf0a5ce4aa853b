import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import type { MemberStore } from '../identity/member.ts';
import type { Attempt } from '../identity/password-check.ts';
import type { SessionStore } from '../identity/session.ts';
import { startSession } from '../identity/sessions.ts';
import type { User, UserStore } from '../identity/user.ts';
import { callerOfUser } from '../identity/user-caller.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { csrfTokenOf } from './csrf.ts';
import { jsonBody } from './json-body.ts';
import { isSameOrigin } from './origin.ts';
import {
  closed,
  flag,
  name,
  password,
  text,
  textOrNull,
  texts,
  timeOrNull,
  whole,
} from './people-shapes.ts';
import { findReplaced } from './replaced-session.ts';
import { type Call, type Route, route } from './route.ts';
import { sessionCookie, sessionTokensIn } from './session-cookie.ts';
import { callerIn, checkOrg, type OrgNames } from './tenant.ts';

interface LogIn {
  username: string;
  password: string;
  org?: string;
}

interface Deps {
  users: Pick<UserStore, 'find'>;
  members: Pick<MemberStore, 'listOf'>;
  sessions: SessionStore;
  authenticator: Pick<Authenticator, 'authenticateSession' | 'invalidate'>;
  checkPassword(attempt: Attempt): Promise<User>;
  orgNames: OrgNames;
  publicUrl: string | null;
  clock: Clock;
}

const logInBody = jsonBody<LogIn>(
  closed({ username: name, password, org: text }, ['username', 'password']),
);

const inOrg = { org: text, roles: texts, permissions: texts };
const sessionShape = whole({
  user: {
    ...whole({ id: text, username: text, displayName: text, email: textOrNull, isSiteAdmin: flag }),
    type: ['object', 'null'],
  },
  ...inOrg,
  org: textOrNull,
  memberships: { type: 'array', items: whole(inOrg) },
  csrfToken: textOrNull,
  expiresAt: timeOrNull,
});
const shown = { data: sessionShape };
const path = '/session';

/** Logging in and out by browser; and for every credential, who it says that one is. */
export function sessionRoutes(deps: Deps): Route[] {
  const { sessions, authenticator, members, orgNames, publicUrl, clock } = deps;

  async function logIn({ body, request, requestId }: Call<string, LogIn>) {
    // Else any page could log a visitor in as somebody else. What is no browser says nothing.
    const { origin } = request.headers;
    if (origin !== undefined && !isSameOrigin(request, publicUrl)) {
      throw new WaymarkError('PERM_CSRF', 'this was not asked for by a page of this server');
    }
    const { username, password: given, org = null } = body;
    const address = request.socket.remoteAddress;
    const user = await deps.checkPassword({ username, password: given, address });
    const caller = callerOfUser(user, await members.listOf(user.id), { org });
    if (org !== null) checkOrg(caller, org, orgNames);
    const replacedId = await findReplaced(request, authenticator, publicUrl);
    const chosen = { user, org: caller.org, requestId, replacedId };
    const { token, session } = await startSession({ sessions, clock }, chosen);
    if (replacedId !== undefined) authenticator.invalidate(replacedId);
    const shownSession = { id: session.id, expiresAtMs: Date.parse(session.expiresAt) };
    const begun = { ...caller, session: shownSession };
    return { token, data: await describe(begun, token) };
  }

  async function describe(caller: Caller, token: string | undefined) {
    const user = caller.userId === undefined ? undefined : await deps.users.find(caller.userId);
    const { expiresAtMs } = caller.session ?? {};
    return {
      user: user ? personOf(user) : null,
      ...standingOf(caller),
      memberships: [...(caller.memberships?.values() ?? [])].map(standingOf),
      csrfToken: token === undefined ? null : csrfTokenOf(token),
      expiresAt: expiresAtMs === undefined ? null : toTime(expiresAtMs),
    };
  }

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

const personOf = ({ id, username, displayName, email, isSiteAdmin }: User) => ({
  id,
  username,
  displayName,
  email,
  isSiteAdmin,
});

const standingOf = ({ org, roles, permissions }: Caller) => ({
  org,
  roles,
  permissions: [...permissions].sort(),
});
