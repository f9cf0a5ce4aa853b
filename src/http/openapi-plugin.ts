import type { OpenApi, Operation } from './openapi.ts';
import { type Json, jsonContent, ref } from './openapi-components.ts';
import { flag, listOf, objectOf, text } from './shapes.ts';

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

const enveloped = (data: Json): Json =>
  objectOf({ success: { const: true }, data, meta: ref('schemas/Meta') });

interface Management {
  operationId: string;
  summary: string;
  data: Json;
  hasId?: true;
  body?: Json;
}

function byManagement({ operationId, summary, data, hasId, body }: Management): Operation {
  return {
    operationId,
    summary,
    tags: ['management'],
    security: [{ management: [] }],
    'x-permission': 'management',
    parameters: hasId ? [inPath('id')] : [ref('parameters/Org')],
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
};
