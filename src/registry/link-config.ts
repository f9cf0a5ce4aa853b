import type { Diagnostic } from '../model/diagnostic.ts';
import { pointError, type Unlinked } from './link.ts';
import { type ConfigDocument, documentsOf } from './snapshot.ts';

type Find = (name: string) => boolean;

/** The references between config documents. There are few, so all are looked at every time. */
export function linkConfig(tree: Unlinked): Diagnostic[] {
  const names = (kind: Parameters<typeof documentsOf>[1]): Find => {
    const known = new Set(documentsOf(tree, kind).map(({ name }) => name));
    return (name) => known.has(name);
  };
  const plugin: Find = (name) => tree.plugins.has(name);
  return [
    ...linkAccess(tree, plugin, names('Team'), names('Marketplace')),
    ...linkTeams(tree),
    ...linkLists(tree, plugin),
    ...linkEnvironments(tree, names),
    ...linkReleases(tree, plugin),
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

function linkTeams(tree: Unlinked): Diagnostic[] {
  const [registry] = documentsOf(tree, 'Registry');
  const departments = registry?.spec.departments ?? {};
  const teams = documentsOf(tree, 'Team').flatMap((document) => {
    const { department } = document.spec;
    if (department === undefined) return [];
    const found = department in departments;
    return missing('department', found, document, '/spec/department', department);
  });
  return [...teams, ...(registry ? linkDepartments(registry) : [])];
}

function linkDepartments(registry: ConfigDocument<'Registry'>): Diagnostic[] {
  const departments = registry.spec.departments ?? {};
  return Object.entries(departments).flatMap(([id, { parent }]) => {
    if (parent === undefined) return [];
    const pointer = `/spec/departments/${id}/parent`;
    if (!(parent in departments)) return missing('department', false, registry, pointer, parent);
    const trail = [id];
    for (let at: string | undefined = parent; at !== undefined; at = departments[at]?.parent) {
      trail.push(at);
      if (at === id) {
        const message = `departments form a ring: ${trail.join(' → ')}`;
        return [pointError(registry.path, pointer, 'cycle', message)];
      }
      if (trail.indexOf(at) < trail.length - 1) return []; // another ring, said at its own members
    }
    return [];
  });
}

function linkLists(tree: Unlinked, plugin: Find): Diagnostic[] {
  const marketplaces = documentsOf(tree, 'Marketplace').flatMap((document) =>
    document.spec.plugins.flatMap((id, i) =>
      missing('plugin', plugin(id), document, `/spec/plugins/${i}`, id),
    ),
  );
  const channels = documentsOf(tree, 'Channel').flatMap((document) =>
    Object.keys(document.spec.plugins ?? {}).flatMap((id) =>
      missing('plugin', plugin(id), document, `/spec/plugins/${id}`, id),
    ),
  );
  return [...marketplaces, ...channels];
}

function linkEnvironments(
  tree: Unlinked,
  names: (kind: 'Environment' | 'ApprovalPolicy' | 'WorkflowTemplate' | 'RolloutStrategy') => Find,
): Diagnostic[] {
  const environment = names('Environment');
  const policy = names('ApprovalPolicy');
  const workflow = names('WorkflowTemplate');
  const strategy = names('RolloutStrategy');
  const environments = documentsOf(tree, 'Environment').flatMap((document) => {
    const { approvalPolicyId, workflowTemplateId, strategyId, autoPromoteFrom } = document.spec;
    const check = (what: string, find: Find, field: string, name: string | undefined) =>
      name === undefined ? [] : missing(what, find(name), document, `/spec/${field}`, name);
    return [
      ...check('policy', policy, 'approvalPolicyId', approvalPolicyId),
      ...check('workflow', workflow, 'workflowTemplateId', workflowTemplateId),
      ...check('strategy', strategy, 'strategyId', strategyId),
      ...check('environment', environment, 'autoPromoteFrom', autoPromoteFrom),
      ...(document.spec.componentIds ?? []).flatMap((id, i) =>
        missing('plugin', tree.plugins.has(id), document, `/spec/componentIds/${i}`, id),
      ),
    ];
  });
  const targets = documentsOf(tree, 'Target').flatMap((document) => {
    const { environmentId } = document.spec;
    const found = environment(environmentId);
    return missing('environment', found, document, '/spec/environmentId', environmentId);
  });
  return [...environments, ...targets];
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
