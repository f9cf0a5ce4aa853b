import type { ApiKey, ApiKeyStore } from './api-key.ts';
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

/** A key made by a key made by a key, and so on: farther back nobody is looked for. */
const MOST_MAKERS = 16;

/** Whoever has had a key in their hands before its person: they could use it still. */
export async function makersOf(
  { user, createdBy }: Pick<ApiKey, 'user' | 'createdBy'>,
  apiKeys: Pick<ApiKeyStore, 'find'>,
): Promise<string[]> {
  const makers = new Set<string>();
  let maker = createdBy;
  while (!makers.has(maker) && makers.size < MOST_MAKERS) {
    makers.add(maker);
    const [, id] = /^key:(.+)$/.exec(maker) ?? [];
    const key = id === undefined ? undefined : await apiKeys.find(id);
    if (!key) break;
    if (key.user !== null) makers.add(`user:${key.user}`);
    maker = key.createdBy;
  }
  makers.delete(`user:${user}`);
  return [...makers];
}

export function callerOfKey(
  key: ApiKey,
  owner: KeyOwner | undefined,
  makers: readonly string[] = [],
): Caller {
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
    ...(makers.length > 0 && { makers }),
    ...(userId !== null && { userId }),
    ...(member && { within: [member.roles], departments: member.departments }),
  };
}

/** An admin's key sees everything only while the person is one. */
const sightWithin = (roles: readonly Role[], limit: readonly Role[]): readonly Role[] =>
  seesEverything(limit) ? roles : roles.filter((role) => !seesEverything([role]));
