import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import { PluginFault } from './contract/fault.ts';
import { type QueryResult, readQueryResults } from './contract/read-agent.ts';
import { namespaceParts } from './namespace-parts.ts';
import type { PluginHost } from './plugin-host.ts';
import type { After } from './timers.ts';

export interface AgentQuery {
  org: string;
  namespace: string;
  query: string;
  /** Only these; all of the namespace's when not given. */
  pluginIds?: readonly string[] | undefined;
  requestId: string;
  caller: Caller;
}

export interface AgentAnswer {
  /** By the plugin's priority, the highest first, then by its id. */
  results: readonly (QueryResult & { pluginId: string })[];
  skipped: readonly SkippedPlugin[];
  durationMs: number;
}

export interface SkippedPlugin {
  pluginId: string;
  /** An error code: `PLG_TIMEOUT`, or one of the plugin's own. */
  reason: string;
  durationMs: number;
}

export interface AgentQueryDeps {
  plugins: Pick<PluginHost, 'bindings' | 'find' | 'call'>;
  after: After;
  /** Of all together, loading included. */
  deadlineMs?: number;
}

/** Asks a namespace's plugins at once. One that fails or is late is skipped, and holds nobody up. */
export async function queryAgents(deps: AgentQueryDeps, asked: AgentQuery): Promise<AgentAnswer> {
  const { org, namespace, pluginIds } = asked;
  const startedAtMs = performance.now();
  const able = namespaceParts(deps.plugins, { org, namespace, capability: 'agent_query' });
  const wanted = able.filter(({ plugin }) => pluginIds?.includes(plugin.id) ?? true);
  const answers = await Promise.all(wanted.map(({ binding }) => askOne(deps, binding, asked)));
  const unknown = (pluginIds ?? [])
    .filter((id) => !able.some(({ plugin }) => plugin.id === id))
    .map((pluginId) => ({ pluginId, reason: 'PLG_NOT_FOUND', durationMs: 0 }));
  return {
    results: answers.flatMap((answer) => ('results' in answer ? answer.results : [])),
    skipped: [...answers.filter((answer) => 'reason' in answer), ...unknown],
    durationMs: sinceMs(startedAtMs),
  };
}

async function askOne(
  { plugins, after, deadlineMs = 5000 }: AgentQueryDeps,
  { scope, id, pluginId }: Binding,
  { org, query, requestId, caller }: AgentQuery,
): Promise<Pick<AgentAnswer, 'results'> | SkippedPlugin> {
  const startedAtMs = performance.now();
  const asking = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const callOff = after(deadlineMs, () => {
    reject(new WaymarkError('PLG_TIMEOUT', `${pluginId} has not answered in time`));
    asking.abort();
  });
  const call = plugins.call({
    org,
    pluginId,
    requestId,
    caller,
    binding: { scope, id },
    method: 'agent.query',
    params: { query },
    signal: asking.signal,
    isRepeatable: true,
    read: readQueryResults,
  });
  call.catch(() => {}); // one that fails after the deadline
  try {
    const results = (await Promise.race([call, late])) as readonly QueryResult[];
    return { results: results.map((result) => ({ ...result, pluginId })) };
  } catch (error) {
    return { pluginId, reason: reasonOf(error), durationMs: sinceMs(startedAtMs) };
  } finally {
    callOff();
  }
}

/** What else is thrown is a bug: the log has it. */
const reasonOf = (error: unknown): string =>
  error instanceof WaymarkError || error instanceof PluginFault ? error.code : 'INTERNAL';

const sinceMs = (startedAtMs: number): number => Math.round(performance.now() - startedAtMs);
