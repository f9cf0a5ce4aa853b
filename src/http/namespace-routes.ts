import { type Department, policyOf } from '../identity/org-policy.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { getNamespace, namespacesOf, scopeTest } from './namespace-scope.ts';
import { pageOf } from './pagination.ts';
import { type Route, route } from './route.ts';
import { objectOf, text, textOrNull } from './shapes.ts';

interface Deps {
  /** What an org serves; undefined before its first commit. */
  runtimes: {
    find(
      org: string,
    ): { maybeView: { published: Pick<Snapshot, 'config'> } | undefined } | undefined;
  };
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
      handle: async ({ org, caller, query }) => pageOf(namespacesOf(configOf(org), caller), query),
    }),
    route({
      method: 'get',
      path: '/namespaces/:id',
      permission: 'namespaces:read',
      summary: 'Gives one namespace; one of another department is not there.',
      answers: { 200: { data: namespaceSchema, example: emea } },
      async handle({ org, caller, params }) {
        return { status: 200, body: getNamespace(configOf(org), caller, params.id) };
      },
    }),
  ];
}
