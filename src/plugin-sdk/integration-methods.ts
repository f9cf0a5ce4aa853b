import type { ContextOf } from './context.ts';
import type { IntegrationPlugin, PluginEvent, PluginIntegration } from './integration-plugin.ts';
import { PluginError } from './plugin-error.ts';
import type { HostEvent, JsonObject, MethodTable, ToolResult } from './wire.ts';

/** What the host asks of an `IntegrationPlugin`. */
export function integrationMethods<C>(
  plugin: Partial<IntegrationPlugin<C>>,
  contextOf: ContextOf<C>,
): MethodTable {
  const { onAgentQuery, tools } = plugin;
  return {
    ...(plugin.init && {
      'plugin.init': async (params, call) => {
        await plugin.init?.(await contextOf(params, call));
        return {};
      },
    }),
    ...(hasHook(plugin) && {
      'hook.handle': async (params, call) => {
        await runHook(plugin, params.event, () => contextOf(params, call));
        return {};
      },
    }),
    ...(onAgentQuery && {
      'agent.query': async (params, call) => ({
        results: await onAgentQuery.call(plugin, params.query, await contextOf(params, call)),
      }),
    }),
    ...(tools && {
      'tool.call': async (params, call) => {
        const tool = tools.find(({ name }) => name === params.name);
        if (!tool) throw missing('tool', params.name);
        return toolResult(await tool.call(params.arguments, await contextOf(params, call)));
      },
    }),
    ...(plugin.integrations && connectionMethods(plugin.integrations, contextOf)),
  };
}

const hasHook = <C>(plugin: Partial<IntegrationPlugin<C>>): boolean =>
  Boolean(plugin.onApprovalCreated ?? plugin.onDocumentReady ?? plugin.onEvent);

async function runHook<C>(
  plugin: Partial<IntegrationPlugin<C>>,
  event: HostEvent,
  context: () => ReturnType<ContextOf<C>>,
): Promise<void> {
  // The envelope last: no field of an event's data stands for its id or type.
  const spread = { ...event.data, ...event } as PluginEvent;
  if (event.type === 'approval.created' && plugin.onApprovalCreated) {
    await plugin.onApprovalCreated(spread as never, await context());
  } else if (event.type === 'document.ready' && plugin.onDocumentReady) {
    await plugin.onDocumentReady(spread as never, await context());
  } else {
    await plugin.onEvent?.(spread, await context());
  }
}

function toolResult(answer: unknown): ToolResult {
  if (typeof answer === 'object' && answer !== null && 'content' in answer) {
    return answer as ToolResult;
  }
  if (typeof answer === 'string') return { content: [{ type: 'text', text: answer }] };
  const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
  return {
    content: [{ type: 'text', text: JSON.stringify(answer ?? null) }],
    ...(isObject && { structuredContent: answer as JsonObject }),
  };
}

function connectionMethods<C>(
  integrations: readonly PluginIntegration<C>[],
  contextOf: ContextOf<C>,
): MethodTable {
  function typeOf({ integration: { type } }: { integration: { type: string } }) {
    const found = findType(integrations, type);
    if (found) return found;
    throw missing('integration type', type);
  }
  return {
    'integration.test': async (params, call) =>
      offered(typeOf(params), 'test')(await contextOf(params, call)),
    'integration.health': async (params, call) =>
      offered(typeOf(params), 'health')(await contextOf(params, call)),
    'integration.discover': async ({ resourceType, query, page, ...params }, call) => {
      const asked = { resourceType, ...(query && { query }), ...(page && { page }) };
      return offered(typeOf(params), 'discover')(asked, await contextOf(params, call));
    },
    'integration.call': async ({ operation, params: given, ...params }, call) => {
      const run = typeOf(params).operations?.[operation];
      if (!run) throw new PluginError('INT_CAPABILITY_MISSING', `has no operation ${operation}`);
      return run(given, await contextOf(params, call));
    },
  };
}

function offered<C, K extends 'test' | 'health' | 'discover'>(
  integration: PluginIntegration<C>,
  name: K,
): NonNullable<PluginIntegration<C>[K]> {
  const method = integration[name];
  if (method) return method.bind(integration) as NonNullable<PluginIntegration<C>[K]>;
  throw new PluginError('INT_CAPABILITY_MISSING', `${integration.name} has no ${name}`);
}

/** @param type as the host names it, `<plugin>.<name>` */
export const findType = <C>(
  integrations: readonly PluginIntegration<C>[],
  type: string,
): PluginIntegration<C> | undefined =>
  integrations.find(({ name }) => name === type.slice(type.indexOf('.') + 1));

const missing = (kind: string, name: string): PluginError =>
  new PluginError('NOT_FOUND', `there is no ${kind} ${name}`, { httpStatus: 404 });
