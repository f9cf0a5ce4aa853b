import { isBuiltIn, type Permission, permissionsOf, ROLES } from '../identity/roles.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';

type Tree = Pick<Snapshot, 'config'>;

/** A registry may name permissions that nothing asks for yet, and that nobody has: an admin will. */
const HELD: ReadonlySet<string> = permissionsOf(ROLES);
const ADMINS: ReadonlySet<Permission> = permissionsOf(['admin']);

/**
 * What a registry would let its own roles do that the one before it did not, and that whoever brings
 * it may not do themselves, in a sentence each. Else who writes `registry.yaml` could have every
 * right by a role that they have already.
 */
export function findHandedOut(
  before: Tree | undefined,
  after: Tree,
  permissions: ReadonlySet<Permission>,
): string[] {
  const isAdmin = ADMINS.isSubsetOf(permissions);
  const isTheirs = (one: string) => (HELD.has(one) ? permissions.has(one as Permission) : isAdmin);
  const held = before ? rolesOf(before) : new Map<string, ReadonlySet<string>>();
  return [...rolesOf(after)].flatMap(([role, allowed]) =>
    [...allowed]
      .filter((one) => !held.get(role)?.has(one) && !isTheirs(one))
      .map((one) => `registry.yaml gives the role ${role} ${one}, which you do not have yourself`),
  );
}

function rolesOf(tree: Tree): ReadonlyMap<string, ReadonlySet<string>> {
  const [registry] = documentsOf(tree, 'Registry');
  const roles = Object.entries(registry?.spec.roles ?? {});
  return new Map(
    roles
      .filter(([id]) => !isBuiltIn(id))
      .map(([id, { permissions }]) => [id, new Set<string>(permissions)]),
  );
}
