import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import type { MemberStore } from '../identity/member.ts';
import { underPolicy } from '../identity/org-policy.ts';
import type { Attempt } from '../identity/password-check.ts';
import type { SessionStore } from '../identity/session.ts';
import { startSession } from '../identity/sessions.ts';
import type { User, UserStore } from '../identity/user.ts';
import { callerOfUser } from '../identity/user-caller.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { clientAddressIn } from './client-address.ts';
import { csrfTokenOf } from './csrf.ts';
import { isSameOrigin } from './origin.ts';
import { findReplaced } from './replaced-session.ts';
import type { Call } from './route.ts';
import { checkOrg, type OrgNames } from './tenant.ts';

export interface LogIn {
  username: string;
  password: string;
  org?: string;
}

export interface LogInDeps {
  users: Pick<UserStore, 'find'>;
  members: Pick<MemberStore, 'listOf'>;
  sessions: Pick<SessionStore, 'insert'>;
  authenticator: Pick<Authenticator, 'authenticateSession' | 'invalidate'>;
  checkPassword: (attempt: Attempt) => Promise<User>;
  orgNames: OrgNames;
  publicUrl: string | null;
  clock: Clock;
}

/** Logging in by password, and telling anybody who they are. */
export function createLogIn(deps: LogInDeps) {
  const { sessions, authenticator, members, orgNames, publicUrl, clock } = deps;

  /** @returns the cookie's `token`, and what the log-in answers */
  async function logIn({ body, request, response, requestId }: Call<string, LogIn>) {
    // Else any page could log a visitor in as somebody else. What is no browser says nothing.
    const { origin } = request.headers;
    if (origin !== undefined && !isSameOrigin(request, publicUrl)) {
      throw new WaymarkError('PERM_CSRF', 'this was not asked for by a page of this server');
    }
    const { username, password, org = null } = body;
    const address = clientAddressIn(response);
    const user = await deps.checkPassword({ username, password, address });
    const caller = callerOfUser(user, await members.listOf(user.id), { org });
    if (org !== null) checkOrg(caller, org, orgNames);
    const replacedId = await findReplaced(request, authenticator, publicUrl);
    const chosen = { user, org: caller.org, requestId, replacedId };
    const { token, session } = await startSession({ sessions, clock }, chosen);
    if (replacedId !== undefined) authenticator.invalidate(replacedId);
    const begun = { id: session.id, expiresAtMs: Date.parse(session.expiresAt) };
    return { token, data: await describe({ ...caller, session: begun }, token) };
  }

  /** @param token of the caller's session, if it is one */
  async function describe(caller: Caller, token: string | undefined) {
    const user = caller.userId === undefined ? undefined : await deps.users.find(caller.userId);
    const { expiresAtMs } = caller.session ?? {};
    return {
      user: user ? personOf(user) : null,
      ...standingOf(caller, orgNames),
      memberships: [...(caller.memberships?.values() ?? [])].map((one) =>
        standingOf(one, orgNames),
      ),
      csrfToken: token === undefined ? null : csrfTokenOf(token),
      expiresAt: expiresAtMs === undefined ? null : toTime(expiresAtMs),
    };
  }

  return { logIn, describe };
}

const personOf = ({ id, username, displayName, email, isSiteAdmin }: User) => ({
  id,
  username,
  displayName,
  email,
  isSiteAdmin,
});

/** With what the org's own roles allow. */
function standingOf(caller: Caller, orgNames: OrgNames) {
  const { org, roles } = caller;
  const policy = org === null ? undefined : orgNames.policy?.(org);
  const { permissions } = policy ? underPolicy(caller, policy) : caller;
  return { org, roles, permissions: [...permissions].sort() };
}
