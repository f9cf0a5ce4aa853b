import type { ApiKey } from './api-key.ts';
import type { Caller } from './caller.ts';
import type { NamedMember } from './member.ts';
import { refused } from './refused.ts';
import { permissionsOf, type Role, seesEverything } from './roles.ts';
import { findActiveUser, type PersonStores, siteAdminPermissions } from './user-caller.ts';

/** What a person's key rests on: more than they have it never has. */
export interface KeyOwner {
  /** Null for a site admin, who is above all orgs. */
  member: NamedMember | null;
}

/**
 * The person whose key it is, as they are in its org; undefined for a key of nobody.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_REVOKED` when they are disabled or gone from the org
 */
export async function findKeyOwner(
  { org, userId }: Pick<ApiKey, 'org' | 'userId'>,
  stores: PersonStores,
): Promise<KeyOwner | undefined> {
  if (userId === null) return undefined;
  const user = await findActiveUser(stores, userId);
  if (user?.isSiteAdmin) return { member: null };
  const member = user && org !== null ? await stores.members.find(org, userId) : undefined;
  if (member) return { member };
  throw refused('AUTH_TOKEN_REVOKED', 'the person whose key this is has no access any more');
}

export function callerOfKey(key: ApiKey, owner: KeyOwner | undefined): Caller {
  const { id, org, user, userId, teams, roles, scopes, createdBy } = key;
  const isSiteAdmin = org === null;
  let permissions = isSiteAdmin ? siteAdminPermissions() : permissionsOf(roles);
  const member = owner?.member;
  if (member) permissions = permissions.intersection(permissionsOf(member.roles));
  if (scopes) permissions = permissions.intersection(new Set(scopes));
  return {
    kind: 'key',
    id,
    actor: user === null ? `key:${id}` : `user:${user}`,
    org,
    user,
    teams,
    roles,
    grantRoles: member ? sightWithin(roles, member.roles) : roles,
    permissions,
    isSiteAdmin,
    ...(scopes && { scopes: new Set(scopes) }),
    ...(user !== null && createdBy !== `user:${user}` && { isProxy: true }),
    ...(userId !== null && { userId }),
    ...(member && { within: [member.roles], departments: member.departments }),
  };
}

/** An admin's key sees everything only while the person is one. */
const sightWithin = (roles: readonly Role[], limit: readonly Role[]): readonly Role[] =>
  seesEverything(limit) ? roles : roles.filter((role) => !seesEverything([role]));
