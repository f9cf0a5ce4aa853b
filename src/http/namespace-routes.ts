import type { Caller } from '../identity/caller.ts';
import {
  type Department,
  departmentScope,
  type OrgPolicy,
  policyOf,
} from '../identity/org-policy.ts';
import { WaymarkError } from '../model/errors.ts';
import type { NamespaceSpec } from '../registry/kinds.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';
import { pageOf } from './pagination.ts';
import { type Call, type Route, route } from './route.ts';
import { objectOf, text, textOrNull } from './shapes.ts';

interface Deps {
  /** What an org serves; undefined before its first commit. */
  runtimes: {
    find(
      org: string,
    ): { maybeView: { published: Pick<Snapshot, 'config'> } | undefined } | undefined;
  };
}

interface Namespace extends NamespaceSpec {
  id: string;
  /** Of its file. */
  path: string;
}

const departmentSchema = objectOf({ id: text, title: text, parent: textOrNull });

const namespaceSchema = {
  type: 'object',
  required: ['id', 'path', 'department'],
  properties: {
    id: text,
    path: text,
    department: text,
    covers: { type: 'object' },
    plugins: { type: 'object' },
  },
};

const sales = { id: 'sales', title: 'Sales', parent: 'commercial' };
const emea = { id: 'sales-emea', path: 'namespaces/sales-emea.yaml', department: 'sales' };

/** Both are read from the registry as it is served; they change as everything in it does. */
export function namespaceRoutes({ runtimes }: Deps): Route[] {
  const configOf = (org: string): Snapshot['config'] =>
    runtimes.find(org)?.maybeView?.published.config ?? new Map();

  function namespacesFor({ org, caller }: Call): Namespace[] {
    const config = configOf(org);
    const isInScope = scopeTest(caller, policyOf(config));
    return documentsOf({ config }, 'Namespace')
      .filter(({ spec }) => isInScope(spec.department))
      .map(({ name, path, spec }) => ({ id: name, path, ...spec }));
  }

  return [
    route({
      method: 'get',
      path: '/departments',
      permission: 'departments:read',
      summary: 'Lists the departments that the caller acts in: their own and all below.',
      answers: { 200: { data: departmentSchema, isPage: true, example: [sales] } },
      async handle({ org, caller, query }) {
        const policy = policyOf(configOf(org));
        const isInScope = scopeTest(caller, policy);
        const departments: Department[] = [...policy.departments.values()];
        return pageOf(
          departments.filter(({ id }) => isInScope(id)),
          query,
        );
      },
    }),
    route({
      method: 'get',
      path: '/namespaces',
      permission: 'namespaces:read',
      summary: 'Lists the namespaces of the departments that the caller acts in.',
      answers: { 200: { data: namespaceSchema, isPage: true, example: [emea] } },
      handle: async (call) => pageOf(namespacesFor(call), call.query),
    }),
    route({
      method: 'get',
      path: '/namespaces/:id',
      permission: 'namespaces:read',
      summary: 'Gives one namespace; one of another department is not there.',
      answers: { 200: { data: namespaceSchema, example: emea } },
      async handle(call) {
        const { id } = call.params;
        const found = namespacesFor(call).find((one) => one.id === id);
        if (found) return { status: 200, body: found };
        throw new WaymarkError('RES_NOT_FOUND', `there is no namespace ${id}`);
      },
    }),
  ];
}

function scopeTest(caller: Caller, policy: OrgPolicy): (department: string) => boolean {
  const scope = departmentScope(caller, policy);
  return (department) => scope === 'all' || scope.has(department);
}
