import type { Caller } from './caller.ts';
import type { Member, MemberStore } from './member.ts';
import { permissionsOf, type Role } from './roles.ts';
import type { User, UserStore } from './user.ts';

export interface PersonStores {
  users: Pick<UserStore, 'find'>;
  members: Pick<MemberStore, 'find' | 'listOf'>;
}

/** What a person's log-in brings along. */
interface LogIn {
  /** Null: none was chosen. */
  org: string | null;
  /** Each as `<org>/<team>`. */
  teams?: readonly string[];
  session?: NonNullable<Caller['session']>;
}

const SITE_ADMIN: readonly Role[] = ['owner'];

/** The permissions of the role `owner` in every org, and those of the site. */
export const siteAdminPermissions = (): Caller['permissions'] =>
  new Set([...permissionsOf(SITE_ADMIN), 'sites:manage'] as const);

/**
 * A person, as they are in the org that they have chosen, or in their only one. Without either
 * they may do nothing but name one, of `memberships`.
 */
export function callerOfUser(
  user: User,
  members: readonly Member[],
  { org, teams = [], session }: LogIn,
): Caller {
  const memberships = new Map<string, Caller>();
  const nowhere: Caller = {
    kind: 'user',
    id: user.id,
    userId: user.id,
    actor: `user:${user.username}`,
    org: null,
    user: user.username,
    teams: [],
    roles: [],
    grantRoles: [],
    permissions: new Set(),
    isSiteAdmin: false,
    memberships,
    ...(session ? { session } : {}),
  };
  if (user.isSiteAdmin) {
    const allowed = { roles: SITE_ADMIN, grantRoles: SITE_ADMIN };
    return {
      ...nowhere,
      ...allowed,
      org,
      permissions: siteAdminPermissions(),
      isSiteAdmin: true,
    };
  }
  for (const { org: slug, roles, departments } of members) {
    const permissions = permissionsOf(roles);
    memberships.set(slug, {
      ...nowhere,
      org: slug,
      roles,
      grantRoles: roles,
      permissions,
      departments,
      teams: teamsIn(slug, teams),
    });
  }
  const [only] = memberships.size === 1 ? memberships.values() : [];
  return (org === null ? only : memberships.get(org)) ?? nowhere;
}

/** Of teams each as `<org>/<team>`: one org's team is none of another's of the same name. */
const teamsIn = (org: string, teams: readonly string[]): string[] =>
  teams.filter((team) => team.startsWith(`${org}/`)).map((team) => team.slice(org.length + 1));

/** Undefined for one who is not there, or disabled. */
export async function findActiveUser(
  { users }: Pick<PersonStores, 'users'>,
  id: string,
): Promise<User | undefined> {
  const user = await users.find(id);
  return user?.disabledAt === null ? user : undefined;
}
