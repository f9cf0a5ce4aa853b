import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ToolManifest } from '../registry/server-manifest/manifest.ts';
import { PluginFault } from './contract/fault.ts';
import { readToolResult, type ToolResult } from './contract/read-agent.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import { namespaceParts } from './namespace-parts.ts';
import type { PluginHost } from './plugin-host.ts';
import { faultsIn } from './written-binding.ts';

export interface Tool extends ToolManifest {
  pluginId: string;
}

export interface ToolCall {
  org: string;
  namespace: string;
  pluginId: string;
  name: string;
  arguments: Readonly<Record<string, unknown>>;
  requestId: string;
  caller: Caller;
}

export interface ToolDeps {
  plugins: Pick<PluginHost, 'bindings' | 'find' | 'call'>;
  schemas: Pick<SchemaChecker, 'check'>;
}

/** Those that agents may call in a namespace. */
export const toolsOf = (
  plugins: ToolDeps['plugins'],
  place: Pick<ToolCall, 'org' | 'namespace'>,
): Tool[] =>
  namespaceParts(plugins, { ...place, capability: 'tools' }).flatMap(({ plugin }) =>
    plugin.manifest.tools.map((tool) => ({ pluginId: plugin.id, ...tool })),
  );

/**
 * @throws {WaymarkError} `PLG_NOT_FOUND`, `RES_NOT_FOUND`; `VAL_FAILED` with a JSON pointer into
 *   `arguments` for each fault; what `PluginHost.call` throws
 */
export async function callTool(deps: ToolDeps, asked: ToolCall): Promise<ToolResult> {
  const { org, namespace, pluginId, name, requestId, caller } = asked;
  const tool = toolsOf(deps.plugins, asked).find(
    (one) => one.pluginId === pluginId && one.name === name,
  );
  if (!tool) throw noSuchTool(deps.plugins, asked);
  const verdict = await deps.schemas.check(tool.inputSchema ?? ANY, asked.arguments);
  if (!verdict.isValid) throw faultsIn(verdict.errors, 'arguments');
  try {
    return (await deps.plugins.call({
      org,
      pluginId,
      requestId,
      caller,
      binding: { scope: 'namespace', id: `${namespace}.${pluginId}` },
      method: 'tool.call',
      params: { name, arguments: verdict.value },
      read: readToolResult,
    })) as ToolResult;
  } catch (error) {
    if (!(error instanceof PluginFault)) throw error;
    // What its author had to say, the agent is to read; what merely went wrong is in the log.
    if (error.httpStatus === undefined) throw brokenTool(tool, error);
    return { content: [{ type: 'text', text: error.message }], isError: true };
  }
}

const noSuchTool = (
  plugins: ToolDeps['plugins'],
  { org, pluginId, name }: ToolCall,
): WaymarkError =>
  plugins.find(org, pluginId)
    ? new WaymarkError('RES_NOT_FOUND', `there is no tool ${name} of ${pluginId}`)
    : new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}`);

const ANY = { type: 'object' };

const brokenTool = ({ pluginId, name }: Tool, cause: PluginFault): WaymarkError =>
  new WaymarkError('PLG_HANDLER_ERROR', `the tool ${name} of ${pluginId} failed`, {}, { cause });
