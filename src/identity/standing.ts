import type { MemberStore } from './member.ts';
import { type OrgPolicy, permissionsUnder } from './org-policy.ts';
import type { Permission } from './roles.ts';
import type { UserStore } from './user.ts';

export interface StandingStores {
  users: Pick<UserStore, 'findByName'>;
  members: Pick<MemberStore, 'find'>;
}

/**
 * Whether a person of the site may do something in an org now, whatever they could when they did it.
 *
 * @param policy the org's own roles
 */
export async function hasStanding(
  { users, members }: StandingStores,
  { org, username, policy }: { org: string; username: string; policy: OrgPolicy | undefined },
  permission: Permission,
): Promise<boolean> {
  const user = await users.findByName(username);
  if (user?.disabledAt !== null) return false;
  if (user.isSiteAdmin) return true;
  const member = await members.find(org, user.id);
  return member !== undefined && permissionsUnder(member.roles, policy).has(permission);
}
