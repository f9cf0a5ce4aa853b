import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import { type OrgPolicy, permissionsUnder } from './org-policy.ts';
import {
  isBuiltIn,
  type Permission,
  permissionsOf,
  ROLES,
  type Role,
  seesEverything,
} from './roles.ts';

interface Limits {
  policy: OrgPolicy | undefined;
  /** What of the roles' permissions is handed out; null for all. */
  scopes?: readonly string[] | null;
}

/** What no built-in role allows, nothing asks for yet: a registry may be ahead of its server. */
const HELD: ReadonlySet<Permission> = permissionsOf(ROLES);
const ADMINS: ReadonlySet<Permission> = permissionsOf(['admin']);

/**
 * Nobody hands out what they do not have: an admin makes no owner, and no editor an admin. What
 * nobody has, whole administrators hand out, who will have it when it is asked for.
 *
 * @throws {WaymarkError} `PERM_DENIED`
 */
export function checkHandingOut(
  roles: readonly Role[],
  caller: Pick<Caller, 'permissions' | 'grantRoles'>,
  { policy, scopes = null }: Limits,
): void {
  const isAdmin = ADMINS.isSubsetOf(caller.permissions);
  const handedOut = [...permissionsUnder(roles, policy)];
  const lacks = handedOut.find(
    (permission) =>
      (scopes === null || scopes.includes(permission)) &&
      !caller.permissions.has(permission) &&
      !(isAdmin && !HELD.has(permission)),
  );
  const isWider = seesEverything(roles) && !seesEverything(caller.grantRoles);
  if (lacks === undefined && !isWider) return;
  const message = `the roles ${roles.join(', ')} allow more than your own credential does`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission: lacks } });
}

/**
 * A token sees the plugins of its teams, and of the person whom it stands for: so must who makes it.
 *
 * @param seen.user null for nobody
 * @throws {WaymarkError} `PERM_DENIED`
 */
export function checkSight(
  { user = null, teams }: { user?: string | null; teams: readonly string[] },
  caller: Pick<Caller, 'user' | 'teams' | 'grantRoles' | 'isSiteAdmin'>,
  policy: OrgPolicy | undefined,
): void {
  if (caller.isSiteAdmin || seesEverything(caller.grantRoles)) return;
  const registered = caller.user === null ? [] : (policy?.teamsOfUser.get(caller.user) ?? []);
  const own = new Set([...caller.teams, ...registered]);
  const foreign = teams.find((team) => !own.has(team));
  if (foreign !== undefined) {
    throw new WaymarkError('PERM_DENIED', `you are not in the team ${foreign} yourself`);
  }
  if (user === null || user === caller.user) return;
  throw new WaymarkError('PERM_DENIED', `what ${user} sees is not yours to hand out`);
}

/** @throws {WaymarkError} `VAL_FAILED` for a role that nobody defined */
export function checkKnown(roles: readonly Role[], policy: OrgPolicy | undefined): void {
  for (const [i, role] of roles.entries()) {
    if (isBuiltIn(role) || policy?.roles.has(role)) continue;
    throw invalidField(`roles.${i}`, `there is no role ${role}`, 'unknown');
  }
}
