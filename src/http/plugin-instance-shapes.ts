import type { OrgRuntime } from '../delivery/runtime.ts';
import type { Binding } from '../plugin-host/binding.ts';
import { HEALTH_STATUSES } from '../plugin-host/contract/read-lifecycle.ts';
import type { HealthNote } from '../plugin-host/integration-health.ts';
import { healthOf } from '../plugin-host/plugin-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { servedVersion, shownConfig } from '../plugin-host/show-binding.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import { flag, objectOf, text, textOrNull } from './shapes.ts';

export const instanceShape: JsonSchema = objectOf({
  id: text,
  pluginId: text,
  name: text,
  scope: { enum: ['org', 'namespace', 'integration'] },
  namespaceId: textOrNull,
  type: textOrNull,
  config: { type: 'object' },
  enabled: flag,
  healthStatus: { enum: HEALTH_STATUSES },
  version: text,
});

export const instanceExample = {
  id: 'sales.ticket-desk',
  pluginId: 'ticket-desk',
  name: 'Ticket desk',
  scope: 'namespace',
  namespaceId: 'sales',
  type: null,
  config: { url: 'https://tickets.example.com', token: '***' },
  enabled: true,
  healthStatus: 'healthy',
  version: '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
};

export const instanceAnswer: AnswerShape = { data: instanceShape, example: instanceExample };

/** What a list is filtered and sorted by. */
export const instanceFields = {
  id: { type: 'text', isSortable: true },
  pluginId: { type: 'text', isSortable: true },
  name: { type: 'text', isSortable: true },
  scope: { type: 'text', isSortable: true },
  namespaceId: { type: 'text', isSortable: true },
  enabled: { type: 'boolean', isSortable: true },
  healthStatus: { type: 'text', isSortable: true },
} as const;

/** @param notes of the org's integrations, by name; of all else its plugin's calls tell */
export function shownInstance(
  plugins: Pick<PluginHost, 'find'>,
  { org: { slug }, view }: OrgRuntime,
  binding: Binding,
  notes: ReadonlyMap<string, HealthNote>,
) {
  const { id, pluginId, scope, namespaceId, type = null, isEnabled } = binding;
  const plugin = plugins.find(slug, pluginId);
  const isIntegration = scope === 'integration';
  const ofPlugin = isEnabled ? healthOf(plugin) : 'unknown';
  return {
    id,
    pluginId,
    name: isIntegration ? id : (plugin?.manifest.displayName ?? pluginId),
    scope,
    namespaceId,
    type,
    config: shownConfig(plugin, binding),
    enabled: isEnabled,
    healthStatus: isIntegration ? (notes.get(id)?.status ?? 'unknown') : ofPlugin,
    version: servedVersion(view.published, binding),
  };
}
