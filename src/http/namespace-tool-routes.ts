import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { invalidField } from '../model/errors.ts';
import { callTool, type ToolDeps, toolsOf } from '../plugin-host/call-tool.ts';
import { queryAgents } from '../plugin-host/query-agents.ts';
import { after } from '../plugin-host/timers.ts';
import { jsonBody } from './json-body.ts';
import { agentAnswer, toolAnswer, toolExample, toolShape } from './namespace-plugin-shapes.ts';
import { getNamespace } from './namespace-scope.ts';
import { pageOf } from './pagination.ts';
import { type Call, type Route, route } from './route.ts';
import { bodyOf, texts } from './shapes.ts';

interface Deps extends ToolDeps {
  runtimes: Pick<OrgRuntimes, 'find'>;
}

const MOST_QUERY_BYTES = 8 * 1024;

const queryBody = jsonBody<{ query: string; pluginIds?: string[] }>(
  bodyOf(
    {
      query: { type: 'string', minLength: 1, maxLength: MOST_QUERY_BYTES },
      pluginIds: { ...texts, maxItems: 100, uniqueItems: true },
    },
    ['query'],
  ),
);
const callBody = jsonBody<{ arguments?: Record<string, unknown> }>(
  bodyOf({ arguments: { type: 'object' } }),
);

/** What agents ask of the plugins that are bound to a namespace. */
export function namespaceToolRoutes(deps: Deps): Route[] {
  /** @throws {WaymarkError} `RES_NOT_FOUND` for one of another department */
  function placeOf({ org, caller, params, requestId }: Call & { params: { id: string } }) {
    const config = deps.runtimes.find(org)?.maybeView?.published.config ?? new Map();
    const { id: namespace } = getNamespace(config, caller, params.id);
    return { org, namespace, caller, requestId };
  }

  return [
    route({
      method: 'post',
      path: '/namespaces/:id/agent-query',
      permission: 'namespaces:read',
      summary: 'Asks all plugins of a namespace at once what they know; who is late is skipped.',
      body: queryBody,
      answers: { 200: agentAnswer },
      async handle(call) {
        const place = placeOf(call);
        if (Buffer.byteLength(call.body.query) > MOST_QUERY_BYTES) {
          throw invalidField('query', `has more than ${MOST_QUERY_BYTES} bytes`, 'maxLength');
        }
        const body = await queryAgents({ ...deps, after }, { ...place, ...call.body });
        return { status: 200, body };
      },
    }),
    route({
      method: 'get',
      path: '/namespaces/:id/tools',
      permission: 'tools:read',
      summary: 'Lists the tools that a namespace’s plugins have for agents.',
      answers: { 200: { data: toolShape, isPage: true, example: [toolExample] } },
      async handle(call) {
        const tools = toolsOf(deps.plugins, placeOf(call));
        const shown = tools.map((tool) => ({ inputSchema: { type: 'object' }, ...tool }));
        return pageOf(shown, call.query);
      },
    }),
    route({
      method: 'post',
      path: '/namespaces/:id/tools/:pluginId/:name',
      permission: 'tools:write',
      summary: 'Calls a tool; its arguments are checked before the plugin sees them.',
      body: callBody,
      answers: { 200: toolAnswer },
      async handle(call) {
        const { pluginId, name } = call.params;
        const given = { pluginId, name, arguments: call.body.arguments ?? {} };
        return { status: 200, body: await callTool(deps, { ...placeOf(call), ...given }) };
      },
    }),
  ];
}
