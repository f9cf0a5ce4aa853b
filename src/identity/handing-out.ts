import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import { type OrgPolicy, permissionsUnder } from './org-policy.ts';
import { isBuiltIn, type Permission, type Role, seesEverything } from './roles.ts';

interface Limits {
  policy: OrgPolicy | undefined;
  /** What of the roles' permissions is handed out; null for all. */
  scopes?: readonly Permission[] | null;
}

/**
 * Nobody hands out what they do not have: an admin makes no owner, and no editor an admin.
 *
 * @throws {WaymarkError} `PERM_DENIED`
 */
export function checkHandingOut(
  roles: readonly Role[],
  caller: Pick<Caller, 'permissions' | 'grantRoles'>,
  { policy, scopes = null }: Limits,
): void {
  const handedOut = [...permissionsUnder(roles, policy)];
  const lacks = handedOut.find(
    (permission) =>
      (scopes === null || scopes.includes(permission)) && !caller.permissions.has(permission),
  );
  const isWider = seesEverything(roles) && !seesEverything(caller.grantRoles);
  if (lacks === undefined && !isWider) return;
  const message = `the roles ${roles.join(', ')} allow more than your own credential does`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission: lacks } });
}

/** @throws {WaymarkError} `VAL_FAILED` for a role that nobody defined */
export function checkKnown(roles: readonly Role[], policy: OrgPolicy | undefined): void {
  for (const [i, role] of roles.entries()) {
    if (isBuiltIn(role) || policy?.roles.has(role)) continue;
    throw invalidField(`roles.${i}`, `there is no role ${role}`, 'unknown');
  }
}
