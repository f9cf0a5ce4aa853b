import type { Clock } from '../model/clock.ts';
import type { Authenticator } from './authenticate.ts';
import type { MemberStore } from './member.ts';
import type { LoggedIn } from './oidc.ts';
import { applyGroups, type Groups, teamsOfGroups } from './oidc-groups.ts';
import type { OrgStore } from './org.ts';
import type { SessionStore } from './session.ts';
import { startSession } from './sessions.ts';
import type { UserStore } from './user.ts';
import { findOrCreateExternalUser } from './users.ts';

interface Deps {
  users: Pick<UserStore, 'findByIdentity' | 'insert'>;
  members: Pick<MemberStore, 'find' | 'insert' | 'replace' | 'remove'>;
  orgs: Pick<OrgStore, 'find'>;
  sessions: Pick<SessionStore, 'insert'>;
  authenticator: Pick<Authenticator, 'invalidate'>;
  groups: Groups;
  clock: Clock;
}

/**
 * The token of a new session for whom an issuer has sent.
 *
 * @param replacedId the session that the browser had
 * @throws {WaymarkError} `AUTH_LOGIN_FAILED` for a disabled user, `RES_VERSION_CONFLICT`
 */
export type OidcSignIn = (
  loggedIn: LoggedIn,
  requestId: string,
  replacedId?: string,
) => Promise<string>;

export function createOidcSignIn({ groups, authenticator, ...deps }: Deps): OidcSignIn {
  return async ({ user: external, groups: names }, requestId, replacedId) => {
    const user = await findOrCreateExternalUser(deps, external, requestId);
    await applyGroups(deps, user, { names, groups }, requestId);
    // Their other sessions and keys have what the groups give now, and no more.
    authenticator.invalidate(user.id);
    const teams = teamsOfGroups(names, groups);
    const { token } = await startSession(deps, { user, teams, requestId, replacedId });
    if (replacedId !== undefined) authenticator.invalidate(replacedId);
    return token;
  };
}
