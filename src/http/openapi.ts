import type { BodySchema } from './json-body.ts';
import { components, type Json, jsonContent, ref } from './openapi-components.ts';
import { parametersOf } from './openapi-parameters.ts';
import type { AnswerShape, Route, RouteTable } from './route.ts';

export interface OpenApi {
  openapi: string;
  info: { title: string; version: string; description: string; [more: string]: unknown };
  paths: Record<string, Record<string, Operation>>;
  tags: { name: string; description: string }[];
  [more: string]: unknown;
}

export interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security: Json[];
  parameters?: Json[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, Json>;
  /** Of a list any one suffices. */
  'x-permission': string | readonly string[];
}

/**
 * The document of all that this server answers, made of the rows that it answers by.
 *
 * @param more what is no row of a table
 */
export function openApiOf(
  tables: readonly RouteTable[],
  version: string,
  more: OpenApi['paths'] = {},
): OpenApi {
  const paths: OpenApi['paths'] = { ...more };
  for (const table of tables) {
    for (const row of table.rows) {
      const path = templateOf(table, row);
      paths[path] = { ...paths[path], [row.method]: operationOf(table, row) };
    }
  }
  const names = Object.values(paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ tags }) => tags),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Waymark',
      version,
      description: 'Releases of plugins and configuration for AI agents, from git to the client.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(names)].map((name) => ({ name, description: descriptionOf(name) })),
    paths,
    components,
  };
}

/** `/api/v1` and `/orgs/:slug` → `/api/v1/orgs/{slug}` */
export const templateOf = ({ at }: Pick<RouteTable, 'at'>, { path }: Pick<Route, 'path'>): string =>
  `${at === '/' ? '' : at}${path}`.replace(/:(\w+)/g, '{$1}');

function operationOf(table: RouteTable, row: Route): Operation {
  const { permission, summary = '', body } = row;
  const parameters = parametersOf(table, row);
  return {
    operationId: operationIdOf(table, row),
    summary,
    tags: [tagOf(table, row)],
    security: securityOf(row),
    'x-permission': permission,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body ? { requestBody: { required: isNeeded(body), content: bodyContent(body) } } : {}),
    responses: responsesOf(table, row),
  };
}

/** No body is an empty one, where nothing of it must be given. */
const isNeeded = ({ schema }: BodySchema<unknown>): boolean =>
  schema['type'] !== 'object' || ((schema['required'] ?? []) as unknown[]).length > 0;

function bodyContent({ schema, contentTypes = ['application/json'] }: BodySchema<unknown>) {
  return Object.fromEntries(contentTypes.map((type) => [type, { schema }]));
}

function operationIdOf({ at }: RouteTable, { method, path }: Route): string {
  const place = `${at}${path}`.replace(/^\/(?:api\/v1|v1\/orgs\/:orgId)/, '');
  const words = place.split(/[^\w:]+/).filter(Boolean);
  const named = words.map((word) => (word.startsWith(':') ? `by-${word.slice(1)}` : word));
  return [method, ...named]
    .join('-')
    .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function tagOf({ at }: RouteTable, { path }: Route): string {
  if (at === '/v1/orgs') return 'delivery';
  return path.split('/')[1] ?? 'other';
}

const descriptions: Record<string, string> = {
  delivery: 'What a client may have, and how it fetches and proves it.',
  git: 'The repositories, for any git client.',
  components: 'Releases of one plugin.',
  releases: 'Releases of several plugins together.',
  management: 'The site’s plugins, by whoever has the management key.',
  plugin: 'What the plugins’ own server parts answer.',
  orgs: 'Organisations, by the site’s administrators.',
};

const descriptionOf = (tag: string): string => {
  const words = tag.replaceAll('-', ' ');
  return descriptions[tag] ?? `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
};

function securityOf({ permission, path }: Route): Json[] {
  if (permission === 'public') return [];
  const basic = path.startsWith('/git/') ? [{ basic: [] }] : [];
  return [{ bearer: [] }, { apiKey: [] }, { session: [] }, ...basic];
}

function responsesOf({ isEnveloped }: RouteTable, { answers = {} }: Route): Record<string, Json> {
  const responses: Record<string, Json> = {};
  for (const [status, shape] of Object.entries(answers)) {
    responses[status] = {
      description: statusTexts[status] ?? 'Done.',
      ...(shape ? contentOf(shape, isEnveloped) : {}),
    };
  }
  return { ...responses, '4XX': ref('responses/Refusal'), '5XX': ref('responses/Fault') };
}

const statusTexts: Record<string, string> = {
  200: 'Done.',
  201: 'Made; `Location` says where it is.',
  202: 'Taken; what comes of it follows.',
  204: 'Done; there is nothing to say.',
  206: 'The part that was asked for.',
  302: 'Elsewhere: see `Location`.',
  304: 'Nothing has changed.',
};

const EXAMPLE_META = {
  requestId: '019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11',
  timestamp: '2026-11-21T06:53:57.831Z',
};
const EXAMPLE_PAGINATION = {
  page: 1,
  pageSize: 20,
  totalItems: 1,
  totalPages: 1,
  hasNext: false,
  hasPrevious: false,
};

function contentOf(shape: AnswerShape, isEnveloped: boolean): Json {
  const { data, isPage = false, example, contentType } = shape;
  if (contentType !== undefined) return { content: { [contentType]: { schema: data } } };
  if (!isEnveloped) return jsonContent(data, example);
  const meta = isPage ? { pagination: EXAMPLE_PAGINATION, ...EXAMPLE_META } : EXAMPLE_META;
  const shown = example === undefined ? undefined : { success: true, data: example, meta };
  return jsonContent(envelopeOf(isPage ? { type: 'array', items: data } : data, isPage), shown);
}

const envelopeOf = (data: Json, isPage: boolean): Json => ({
  type: 'object',
  required: ['success', 'data', 'meta'],
  additionalProperties: false,
  properties: {
    success: { const: true },
    data,
    meta: ref(isPage ? 'schemas/PageMeta' : 'schemas/Meta'),
  },
});
