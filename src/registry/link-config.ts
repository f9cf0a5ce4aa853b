import type { Diagnostic } from '../model/diagnostic.ts';
import { GRANTABLE, nearestPermission } from '../model/permissions.ts';
import { linkBindings } from './link-bindings.ts';
import { type ConfigDocument, documentsOf } from './snapshot.ts';
import { pointError, type Unlinked } from './unlinked.ts';

type Find = (name: string) => boolean;
type Named =
  | 'Team'
  | 'Marketplace'
  | 'Environment'
  | 'ApprovalPolicy'
  | 'WorkflowTemplate'
  | 'RolloutStrategy';
type Names = (kind: Named) => Find;

/** The references between config documents. There are few, so all are looked at every time. */
export function linkConfig(tree: Unlinked): Diagnostic[] {
  const names: Names = (kind) => {
    const known = new Set(documentsOf(tree, kind).map(({ name }) => name));
    return (name) => known.has(name);
  };
  const plugin: Find = (name) => tree.plugins.has(name);
  return [
    ...linkAccess(tree, plugin, names('Team'), names('Marketplace')),
    ...linkDepartments(tree),
    ...linkRoles(tree),
    ...linkLists(tree, plugin),
    ...linkEnvironments(tree, plugin, names),
    ...linkToEnvironments(tree, plugin, names('Environment')),
    ...linkReleases(tree, plugin),
    ...linkBindings(tree),
  ];
}

function missing(
  what: string,
  found: boolean,
  { path }: ConfigDocument,
  pointer: string,
  name: string,
) {
  if (found) return [];
  return [pointError(path, pointer, `unknown-${what}`, `no ${what} is named ${name}`)];
}

function linkAccess(tree: Unlinked, plugin: Find, team: Find, marketplace: Find): Diagnostic[] {
  return documentsOf(tree, 'Access').flatMap((document) => {
    const isPlugin = document.path.startsWith('access/plugins/');
    const subject = isPlugin ? plugin : marketplace;
    const what = isPlugin ? 'plugin' : 'marketplace';
    const teams = document.spec.teams ?? [];
    return [
      ...missing(what, subject(document.name), document, '', document.name),
      ...teams.flatMap((grant, i) =>
        missing('team', team(grant.team), document, `/spec/teams/${i}/team`, grant.team),
      ),
    ];
  });
}

function linkDepartments(tree: Unlinked): Diagnostic[] {
  const [registry] = documentsOf(tree, 'Registry');
  if (!registry) return []; // missing or wrong, which is said elsewhere
  const departments = registry.spec.departments ?? {};
  const isKnown: Find = (name) => Object.hasOwn(departments, name);
  const members = [...documentsOf(tree, 'Team'), ...documentsOf(tree, 'Namespace')];
  const unknown = members.flatMap((document) => {
    const { department } = document.spec;
    if (department === undefined) return [];
    return missing('department', isKnown(department), document, '/spec/department', department);
  });
  return [...unknown, ...linkParents(registry, departments, isKnown)];
}

function linkParents(
  registry: ConfigDocument,
  departments: Readonly<Record<string, { parent?: string }>>,
  isKnown: Find,
): Diagnostic[] {
  return Object.entries(departments).flatMap(([id, { parent }]) => {
    if (parent === undefined) return [];
    const pointer = `/spec/departments/${id}/parent`;
    if (!isKnown(parent)) return missing('department', false, registry, pointer, parent);
    const trail = new Set([id]);
    let at: string | undefined = parent;
    while (at !== undefined && isKnown(at) && !trail.has(at)) {
      trail.add(at);
      at = departments[at]?.parent;
    }
    if (at !== id) return []; // no ring, or another one, which is said at its own members
    const message = `departments form a ring: ${[...trail, id].join(' → ')}`;
    return [pointError(registry.path, pointer, 'cycle', message)];
  });
}

/** A permission that is misspelt would be noticed only by whoever is refused. */
function linkRoles(tree: Unlinked): Diagnostic[] {
  const [registry] = documentsOf(tree, 'Registry');
  if (!registry) return [];
  return Object.entries(registry.spec.roles ?? {}).flatMap(([id, { permissions }]) =>
    permissions.flatMap((permission, i) => {
      if (GRANTABLE.has(permission)) return [];
      const pointer = `/spec/roles/${id}/permissions/${i}`;
      const nearest = nearestPermission(permission);
      const hint = nearest && `did you mean ${nearest}?`;
      const message = `${permission} is no permission that a role can have`;
      return [pointError(registry.path, pointer, 'unknown-permission', message, hint)];
    }),
  );
}

function linkLists(tree: Unlinked, plugin: Find): Diagnostic[] {
  const marketplaces = documentsOf(tree, 'Marketplace').flatMap((document) =>
    missingIn('plugin', plugin, document, '/spec/plugins', document.spec.plugins),
  );
  const channels = documentsOf(tree, 'Channel').flatMap((document) =>
    Object.keys(document.spec.plugins ?? {}).flatMap((id) =>
      missing('plugin', plugin(id), document, `/spec/plugins/${id}`, id),
    ),
  );
  return [...marketplaces, ...channels];
}

function linkEnvironments(tree: Unlinked, plugin: Find, names: Names): Diagnostic[] {
  const fields = {
    approvalPolicyId: ['policy', names('ApprovalPolicy')],
    workflowTemplateId: ['workflow', names('WorkflowTemplate')],
    strategyId: ['strategy', names('RolloutStrategy')],
    autoPromoteFrom: ['environment', names('Environment')],
  } as const;
  return documentsOf(tree, 'Environment').flatMap((document) => [
    ...Object.entries(fields).flatMap(([field, [what, find]]) => {
      const name = document.spec[field as keyof typeof fields];
      return name === undefined ? [] : missing(what, find(name), document, `/spec/${field}`, name);
    }),
    ...missingIn('plugin', plugin, document, '/spec/componentIds', document.spec.componentIds),
  ]);
}

/** What names an environment from elsewhere. */
function linkToEnvironments(tree: Unlinked, plugin: Find, environment: Find): Diagnostic[] {
  const what = 'environment';
  return [
    ...documentsOf(tree, 'Target').flatMap((document) => {
      const { environmentId: id } = document.spec;
      return missing(what, environment(id), document, '/spec/environmentId', id);
    }),
    ...documentsOf(tree, 'FreezeWindow').flatMap((document) => {
      const { parent = '' } = document;
      return missing(what, environment(parent), document, '', parent);
    }),
    ...documentsOf(tree, 'ApprovalPolicy').flatMap((document) => {
      const { environmentIds } = document.spec;
      return missingIn(what, environment, document, '/spec/environmentIds', environmentIds);
    }),
    ...documentsOf(tree, 'ReleaseStatus').flatMap((document) => {
      const ids = document.spec.blocked?.environmentIds;
      return missingIn(what, environment, document, '/spec/blocked/environmentIds', ids);
    }),
    ...documentsOf(tree, 'Namespace').flatMap((document) => {
      const { plugins, environments } = document.spec.covers ?? {};
      return [
        ...missingIn('plugin', plugin, document, '/spec/covers/plugins', plugins),
        ...missingIn(what, environment, document, '/spec/covers/environments', environments),
      ];
    }),
  ];
}

function missingIn(
  what: string,
  find: Find,
  document: ConfigDocument,
  pointer: string,
  names: readonly string[] = [],
): Diagnostic[] {
  return names.flatMap((name, i) => missing(what, find(name), document, `${pointer}/${i}`, name));
}

/** A warning only: a status outlives its plugin, so that an old pin still warns. */
function linkReleases(tree: Unlinked, plugin: Find): Diagnostic[] {
  return documentsOf(tree, 'ReleaseStatus').flatMap((document) =>
    document.parent === undefined || plugin(document.parent)
      ? []
      : [
          {
            ...pointError(
              document.path,
              '',
              'unknown-plugin',
              `no plugin is named ${document.parent}`,
            ),
            severity: 'warning' as const,
          },
        ],
  );
}
