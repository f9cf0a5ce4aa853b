import { documentsOf, type Snapshot } from '../registry/snapshot.ts';

/** Whose grants count: a key's own, or those of a client's enroller. */
export interface Principal {
  user: string | null;
  teams: readonly string[];
  /** Admins see every plugin. */
  seesAll: boolean;
}

export type GrantRole = 'viewer' | 'editor' | 'manager';

interface Grants {
  orgWide?: GrantRole | undefined;
  teams: ReadonlyMap<string, GrantRole>;
  members: ReadonlyMap<string, GrantRole>;
}

const NOBODY: Grants = { teams: new Map(), members: new Map() };

const STRENGTH: Record<GrantRole, number> = { viewer: 1, editor: 2, manager: 3 };

/** Who may have what, as the active commit says. Old releases are judged by it too. */
export class Access {
  readonly #byPlugin = new Map<string, Grants>();
  readonly #marketplaces = new Map<string, { grants: Grants; plugins: readonly string[] }>();
  readonly #teamsOfUser = new Map<string, string[]>();
  readonly #defaultRole: GrantRole | undefined;

  constructor(config: Snapshot['config']) {
    const tree = { config };
    const [registry] = documentsOf(tree, 'Registry');
    const isOpen = registry?.spec.delivery?.defaultAccess === 'orgWide';
    this.#defaultRole = isOpen ? 'viewer' : undefined;
    const listed = new Map(
      documentsOf(tree, 'Marketplace').map(({ name, spec }) => [name, spec.plugins]),
    );
    for (const { name, path, spec } of documentsOf(tree, 'Access')) {
      const grants: Grants = {
        orgWide: spec.orgWide,
        teams: new Map((spec.teams ?? []).map(({ team, role }) => [team, role])),
        members: new Map((spec.members ?? []).map(({ user, role }) => [user, role])),
      };
      if (path.startsWith('access/plugins/')) this.#byPlugin.set(name, grants);
      else this.#marketplaces.set(name, { grants, plugins: listed.get(name) ?? [] });
    }
    for (const { name, spec } of documentsOf(tree, 'Team')) {
      for (const user of spec.members) {
        this.#teamsOfUser.set(user, [...(this.#teamsOfUser.get(user) ?? []), name]);
      }
    }
  }

  /** The strongest of the grants; undefined: for this principal the plugin does not exist. */
  roleOn(plugin: string, principal: Principal): GrantRole | undefined {
    if (principal.seesAll) return 'manager';
    const teams = this.teamsOf(principal);
    const own = this.#byPlugin.get(plugin);
    const roles = own ? rolesIn(own, principal, teams) : [this.#defaultRole];
    for (const { grants, plugins } of this.#marketplaces.values()) {
      const grantsAny = rolesIn(grants, principal, teams).some(Boolean);
      if (grantsAny && plugins.includes(plugin)) roles.push('viewer');
    }
    return roles.filter((role) => role !== undefined).sort((a, b) => STRENGTH[b] - STRENGTH[a])[0];
  }

  /** Who has a grant on it: `everyone`, `team:…`, `user:…`. Whoever sees everything is not named. */
  audienceOf(plugin: string): string[] {
    const own = this.#byPlugin.get(plugin) ?? { ...NOBODY, orgWide: this.#defaultRole };
    const shelves = [...this.#marketplaces.values()].filter(({ plugins }) =>
      plugins.includes(plugin),
    );
    const grants = [own, ...shelves.map((shelf) => shelf.grants)];
    if (grants.some(({ orgWide }) => orgWide)) return ['everyone'];
    const teams = grants.flatMap((one) => [...one.teams.keys()].map((team) => `team:${team}`));
    const people = grants.flatMap((one) => [...one.members.keys()].map((user) => `user:${user}`));
    return [...new Set([...teams, ...people])].sort();
  }

  teamsOf({ user, teams }: Principal): string[] {
    const own = user === null ? [] : (this.#teamsOfUser.get(user) ?? []);
    return [...new Set([...teams, ...own])].sort();
  }

  /** Two principals with one key see the same plugins. */
  classOf(principal: Principal): string {
    if (principal.seesAll) return '*';
    return JSON.stringify([principal.user, this.teamsOf(principal)]);
  }
}

function rolesIn(grants: Grants, { user }: Principal, teams: readonly string[]) {
  return [
    grants.orgWide,
    user === null ? undefined : grants.members.get(user),
    ...teams.map((team) => grants.teams.get(team)),
  ];
}
