import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Member, MemberStore } from './member.ts';
import type { OrgStore } from './org.ts';
import type { Role } from './roles.ts';
import type { User } from './user.ts';

/** What a group at the issuer is here. */
export interface Group {
  org: string;
  roles: readonly Role[];
  teams: readonly string[];
}

/** By their names at the issuer. */
export type Groups = Readonly<Record<string, Group>>;

const groupsOf = (names: readonly string[], groups: Groups): Group[] =>
  names.flatMap((name) => (Object.hasOwn(groups, name) ? groups[name]! : []));

/** The teams that somebody in these groups is of, each as `<org>/<team>`. */
export function teamsOfGroups(names: readonly string[], groups: Groups): string[] {
  const teams = groupsOf(names, groups).flatMap(({ org, teams: ids }) =>
    ids.map((id) => `${org}/${id}`),
  );
  return [...new Set(teams)];
}

interface Deps {
  members: Pick<MemberStore, 'find' | 'insert' | 'replace' | 'remove'>;
  orgs: Pick<OrgStore, 'find'>;
  clock: Clock;
}

/**
 * Gives a person the roles that their groups stand for, and takes those away
 * that they stood for once. So an org that groups give roles in is the issuer's
 * to administer: what somebody was given by hand there is gone at their next
 * log-in. But an org's last owner stays.
 *
 * @throws {WaymarkError} `RES_VERSION_CONFLICT` when somebody else changed a membership meanwhile
 */
export async function applyGroups(
  deps: Deps,
  user: Pick<User, 'id'>,
  { names, groups }: { names: readonly string[]; groups: Groups },
  requestId: string,
): Promise<void> {
  const governed = Object.values(groups).filter(({ roles }) => roles.length > 0);
  const own = groupsOf(names, groups);
  for (const org of new Set(governed.map((group) => group.org))) {
    const roles = own.filter((group) => group.org === org).flatMap((group) => group.roles);
    await setRoles(deps, { org, userId: user.id, roles: [...new Set(roles)].sort() }, requestId);
  }
}

async function setRoles(
  { members, orgs, clock }: Deps,
  { org, userId, roles }: Pick<Member, 'org' | 'userId' | 'roles'>,
  requestId: string,
): Promise<void> {
  if ((await orgs.find(org))?.state !== 'active') return;
  const known = await members.find(org, userId);
  if (roles.length === 0 && !known) return;
  if (known && roles.join() === [...known.roles].sort().join()) return;
  const at = toTime(clock());
  const entry = (verb: string) => ({
    at,
    tenant: org,
    actor: 'system:oidc',
    action: `member.${verb}`,
    resource: userId,
    ...(known ? { before: { roles: known.roles } } : {}),
    ...(roles.length > 0 ? { after: { roles } } : {}),
    requestId,
  });
  const outcome = await write();
  if (outcome !== 'changed-meanwhile') return;
  const message = 'the membership has changed meanwhile: log in again';
  throw new WaymarkError('RES_VERSION_CONFLICT', message);

  async function write() {
    if (!known) {
      const member = { org, userId, roles, departments: [], createdAt: at, version: 1 };
      return (await members.insert(member, entry('add'))) ? 'done' : 'changed-meanwhile';
    }
    const { username: _username, displayName: _displayName, ...member } = known;
    if (roles.length === 0) return members.remove(member, at, entry('remove'));
    const changed = { ...member, roles, version: member.version + 1 };
    return members.replace(changed, member.version, entry('change'));
  }
}
