import { documentsOf, type Snapshot } from '../registry/snapshot.ts';
import type { Caller } from './caller.ts';
import { isBuiltIn, type Permission, permissionsOf, type Role, seesEverything } from './roles.ts';

/** What an org's registry says of who may do what: its own roles, and its tree of departments. */
export interface OrgPolicy {
  /** By id, of the org's own roles. */
  roles: ReadonlyMap<string, readonly Permission[]>;
  departments: ReadonlyMap<string, Department>;
  /** By team, for those that belong to a department. */
  departmentOfTeam: ReadonlyMap<string, string>;
  teamsOfUser: ReadonlyMap<string, readonly string[]>;
}

export interface Department {
  id: string;
  title: string;
  parent: string | null;
}

type Config = Snapshot['config'];

const known = new WeakMap<Config, OrgPolicy>();

/** Read once for each snapshot: every request asks. */
export function policyOf(config: Config): OrgPolicy {
  const found = known.get(config) ?? readPolicy(config);
  known.set(config, found);
  return found;
}

function readPolicy(config: Config): OrgPolicy {
  const [registry] = documentsOf({ config }, 'Registry');
  const { roles = {}, departments = {} } = registry?.spec ?? {};
  const teams = documentsOf({ config }, 'Team');
  const memberships = teams.flatMap(({ name, spec }) =>
    spec.members.map((user) => ({ user, name })),
  );
  return {
    // A name that the built-in roles have stays theirs.
    roles: new Map(
      Object.entries(roles)
        .filter(([id]) => !isBuiltIn(id))
        .map(([id, { permissions }]) => [id, permissions as Permission[]]),
    ),
    departments: new Map(
      Object.entries(departments).map(([id, { title = id, parent = null }]) => [
        id,
        { id, title, parent },
      ]),
    ),
    departmentOfTeam: new Map(
      teams.flatMap(({ name, spec }) => (spec.department ? [[name, spec.department]] : [])),
    ),
    teamsOfUser: new Map(
      [...Map.groupBy(memberships, ({ user }) => user)].map(([user, own]) => [
        user,
        own.map(({ name }) => name),
      ]),
    ),
  };
}

/** What roles allow, the org's own among them. */
export function permissionsUnder(
  roles: readonly Role[],
  policy: OrgPolicy | undefined,
): Set<Permission> {
  const own = roles.flatMap((role) => policy?.roles.get(role) ?? []);
  return new Set([...permissionsOf(roles), ...own]);
}

/**
 * The caller as this org knows it: with what the org's own roles allow. A client has the role
 * `client` alone, and never more.
 */
export function underPolicy(caller: Caller, policy: OrgPolicy): Caller {
  const { roles, within = [], scopes } = caller;
  const hasOwn = [roles, ...within].flat().some((role) => policy.roles.has(role));
  if (!hasOwn) return caller;
  let allowed = permissionsUnder(roles, policy);
  for (const limit of within) allowed = allowed.intersection(permissionsUnder(limit, policy));
  if (scopes) allowed = allowed.intersection(scopes);
  return { ...caller, permissions: caller.permissions.union(allowed) };
}

/**
 * The departments that a caller acts in: their own and all below. `all` for whoever is not bound to
 * any: an owner, an admin, a site admin.
 */
export function departmentScope(caller: Caller, policy: OrgPolicy): ReadonlySet<string> | 'all' {
  const isGlobal = [caller.roles, ...(caller.within ?? [])].every(seesEverything);
  if (caller.isSiteAdmin || isGlobal) return 'all';
  const teams = [
    ...caller.teams,
    ...(caller.user === null ? [] : (policy.teamsOfUser.get(caller.user) ?? [])),
  ];
  const ofTeams = teams.flatMap((team) => policy.departmentOfTeam.get(team) ?? []);
  const scope = new Set([...(caller.departments ?? []), ...ofTeams]);
  // Each pass goes one level down; the compiler has refused rings.
  let before = -1;
  while (scope.size !== before) {
    before = scope.size;
    for (const { id, parent } of policy.departments.values()) {
      if (parent !== null && scope.has(parent)) scope.add(id);
    }
  }
  return scope;
}
