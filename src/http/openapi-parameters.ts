import type { ListFields } from '../model/listing.ts';
import { type Json, ref } from './openapi-components.ts';
import type { Route, RouteTable } from './route.ts';

/** Everything that a request may carry beside its body. */
export function parametersOf(table: RouteTable, row: Route): Json[] {
  return [...inPath(row), ...inQuery(row), ...inHeaders(table, row)];
}

const inPath = ({ path }: Route): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

function inQuery({ query = {}, answers = {}, fields }: Route): Json[] {
  const own = Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema }));
  const isPaged = Object.values(answers).some((shape) => shape?.isPage);
  const paged = isPaged ? [ref('parameters/Page'), ref('parameters/PageSize')] : [];
  return [...own, ...paged, ...(fields ? [sortOf(fields), filterOf(fields)] : [])];
}

function sortOf(fields: ListFields): Json {
  const names = Object.keys(fields).filter((name) => fields[name]?.isSortable);
  return {
    name: 'sort',
    in: 'query',
    description: `By ${names.map((name) => `\`${name}\``).join(', ')}; descending with a hyphen before it.`,
    schema: { type: 'string', pattern: `^-?(?:${names.join('|')})(?:,-?(?:${names.join('|')}))*$` },
  };
}

function filterOf(fields: ListFields): Json {
  const names = Object.entries(fields).map(([name, { type }]) => `\`${name}\` (${type})`);
  return {
    name: 'filter',
    in: 'query',
    description: `JSON, of ${names.join(', ')}.`,
    schema: { type: 'string', maxLength: 4096 },
  };
}

function inHeaders({ isEnveloped }: RouteTable, row: Route): Json[] {
  const { method, path, scope, permission } = row;
  const isChange = method === 'put' || method === 'patch' || method === 'delete';
  const followsCaller = isEnveloped && scope !== 'site' && !path.includes(':orgId');
  return [
    ...(followsCaller && permission !== 'public' ? [ref('parameters/Org')] : []),
    ...(isEnveloped && method === 'post' ? [ref('parameters/IdempotencyKey')] : []),
    ...(isChange ? [ref('parameters/IfMatch')] : []),
  ];
}
