import type { Caller } from './caller.ts';
import { type Claims, invalidToken } from './jwt.ts';
import { permissionsOf, ROLE_NAME, ROLES } from './roles.ts';

/** What an authority calls its claims: a name, or a path such as `realm_access.roles`. */
export interface ClaimNames {
  user: string;
  tenant: string;
  roles: string;
  permissions: string;
  departments: string;
}

/**
 * What a tenant's people can have, so that no token makes an administrator of
 * the site; but for enrolling clients, which end with what their enroller has
 * here, and this one has nothing here. It also bounds what an org's own roles give.
 */
const POSSIBLE = new Set(permissionsOf(ROLES));
POSSIBLE.delete('agents:enroll');

/**
 * Who an outside authority says that calls. Roles and permissions that are not
 * known here give nothing.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID` where a claim is missing or of another type
 */
export function callerOfClaims(claims: Claims, names: ClaimNames): Caller & { org: string } {
  const user = textOf(claimOf(claims, names.user));
  const org = textOf(claimOf(claims, names.tenant));
  const roles = listOf(claimOf(claims, names.roles)).filter(isRole);
  const named = listOf(claimOf(claims, names.permissions));
  const permissions = new Set<string>([...permissionsOf(roles), ...named]);
  return {
    kind: 'jwt',
    id: user,
    // Not `user:`, which is for people of this site: one of the same name may be another.
    actor: `jwt:${user}`,
    org,
    user,
    teams: [],
    roles,
    grantRoles: roles,
    permissions: POSSIBLE.intersection(permissions),
    scopes: POSSIBLE,
    isSiteAdmin: false,
    departments: listOf(claimOf(claims, names.departments)),
  };
}

/** A claim may have dots in its own name, as the URLs have that some authorities use. */
function claimOf(claims: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((at, step) => {
    const isInside = typeof at === 'object' && at !== null && Object.hasOwn(at, step);
    return isInside ? (at as Record<string, unknown>)[step] : undefined;
  }, claims);
}

const NAME = /^[^\p{C}\s](?:[^\p{C}]{0,198}[^\p{C}\s])?$/u;

function textOf(claim: unknown): string {
  if (typeof claim === 'string' && NAME.test(claim)) return claim;
  throw invalidToken();
}

/** A list, or words in one text as in `scope`. */
function listOf(claim: unknown): string[] {
  if (claim === undefined || claim === null) return [];
  if (typeof claim === 'string') return claim.split(' ').filter(Boolean);
  if (Array.isArray(claim) && claim.every((item) => typeof item === 'string')) return claim;
  throw invalidToken();
}

const FORM = new RegExp(ROLE_NAME);

/** An org may define it, or not. A client has a token of its own. */
const isRole = (name: string): boolean => name !== 'client' && FORM.test(name);
