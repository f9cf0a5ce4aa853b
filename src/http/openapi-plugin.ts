import type { OpenApi, Operation } from './openapi.ts';
import { type Json, jsonContent, ref } from './openapi-components.ts';
import { bodyOf, flag, listOf, objectOf, text, whole } from './shapes.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const inPath = (name: string): Json => ({ name, in: 'path', required: true, schema: text });
const inHeader = (name: string, description: string): Json => ({
  name,
  in: 'header',
  description,
  schema: text,
});

const refusals = { '4XX': ref('responses/PluginRefusal'), '5XX': ref('responses/PluginRefusal') };

/** Which routes there are, each plugin says: see `GET /api/v1/plugin/{plugin}`. */
const byPlugin = (method: (typeof METHODS)[number]): Operation => ({
  operationId: `${method}PluginEndpoint`,
  summary: 'Whatever a plugin answers there; `endpoint` may be of several segments.',
  tags: ['plugin'],
  security: [{ bearer: [] }, { apiKey: [] }, { session: [] }, {}],
  'x-permission': 'plugin',
  parameters: [
    inPath('plugin'),
    inPath('endpoint'),
    ref('parameters/Org'),
    inHeader(
      'X-Waymark-Namespace',
      'Whose configuration the plugin has; the organisation’s without.',
    ),
  ],
  responses: {
    200: { description: 'What the plugin answers.', content: { '*/*': { schema: {} } } },
    ...refusals,
  },
});

const plugin = { type: 'object', required: ['id'], properties: { id: text } };
const diagnostic = objectOf({ pluginId: text, route: text, message: text });

const outcome = objectOf(
  { binding: text, ok: flag, durationMs: whole, error: objectOf({ code: text, message: text }) },
  ['error'],
);

const enveloped = (data: Json): Json =>
  objectOf({ success: { const: true }, data, meta: ref('schemas/Meta') });

interface Management {
  operationId: string;
  summary: string;
  data: Json;
  hasId?: true;
  hasOrg?: true;
  body?: Json;
}

function byManagement(row: Management): Operation {
  const { operationId, summary, data, hasId = false, hasOrg = false, body } = row;
  return {
    operationId,
    summary,
    tags: ['management'],
    security: [{ management: [] }],
    'x-permission': 'management',
    parameters: [...(hasId ? [inPath('id')] : []), ...(hasOrg ? [ref('parameters/Org')] : [])],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    responses: { 200: { description: 'Done.', ...jsonContent(enveloped(data)) }, ...refusals },
  };
}

/** What is no row of a table: it is told apart by path, or by another key. */
export const pluginPaths: OpenApi['paths'] = {
  '/api/v1/plugin/{plugin}/{endpoint}': Object.fromEntries(
    METHODS.map((method) => [method, byPlugin(method)]),
  ),
  '/v0/management/plugins': {
    get: byManagement({
      operationId: 'getManagementPlugins',
      summary: 'Lists the server parts of an organisation, and the routes that another has.',
      data: objectOf({ plugins: listOf(plugin), diagnostics: listOf(diagnostic) }),
      hasOrg: true,
    }),
  },
  '/v0/management/plugins/{id}/enabled': {
    patch: byManagement({
      operationId: 'patchManagementPluginEnabled',
      summary: 'Switches a host plugin on or off, in every organisation.',
      data: objectOf({ id: text, enabled: flag }),
      hasId: true,
      body: objectOf({ enabled: flag }),
    }),
  },
  '/v0/management/plugins/{id}/reload': {
    post: byManagement({
      operationId: 'postManagementPluginReload',
      summary: 'Looks at the sources again, and swaps what has changed.',
      data: objectOf({ id: text }),
      hasId: true,
    }),
  },
  '/v0/management/plugins/{id}/approve': {
    post: byManagement({
      operationId: 'postManagementPluginApprove',
      summary: 'Lets a signed host plugin run as a process, as it is now.',
      data: objectOf({ id: text }),
      hasId: true,
    }),
  },
  '/v0/management/plugins/{id}/events': {
    post: byManagement({
      operationId: 'postManagementPluginEvent',
      summary: 'Gives the plugin’s hooks an event that did not happen.',
      data: objectOf({ outcomes: listOf(outcome) }),
      hasId: true,
      hasOrg: true,
      body: bodyOf({ type: text, data: { type: 'object' } }, ['type']),
    }),
  },
};
