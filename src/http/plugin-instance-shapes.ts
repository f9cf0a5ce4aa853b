import { HEALTH_STATUSES } from '../plugin-host/contract/read-lifecycle.ts';
import type { HealthNote } from '../plugin-host/integration-health.ts';
import { healthOf } from '../plugin-host/plugin-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { type ServedBinding, shownConfig } from '../plugin-host/show-binding.ts';
import { shownMetadata } from '../registry/metadata.ts';
import {
  documentExample,
  documentFields,
  documentShape,
  shownDocument,
} from './document-shapes.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import { flag, objectOf, text, textOrNull } from './shapes.ts';

export const instanceShape: JsonSchema = objectOf({
  ...documentShape,
  pluginId: text,
  scope: { enum: ['org', 'namespace', 'integration'] },
  namespaceId: textOrNull,
  type: textOrNull,
  config: { type: 'object' },
  enabled: flag,
  healthStatus: { enum: HEALTH_STATUSES },
});

export const instanceExample = {
  ...documentExample('namespaces/sales.yaml', 'Ticket desk'),
  id: 'sales.ticket-desk',
  name: 'Ticket desk',
  labels: {},
  pluginId: 'ticket-desk',
  scope: 'namespace',
  namespaceId: 'sales',
  type: null,
  config: { url: 'https://tickets.example.com', token: '***' },
  enabled: true,
  healthStatus: 'healthy',
};

export const instanceAnswer: AnswerShape = { data: instanceShape, example: instanceExample };

/** What a list is filtered and sorted by. */
export const instanceFields = {
  ...documentFields,
  pluginId: { type: 'text', isSortable: true },
  scope: { type: 'text', isSortable: true },
  namespaceId: { type: 'text', isSortable: true },
  enabled: { type: 'boolean', isSortable: true },
  healthStatus: { type: 'text', isSortable: true },
} as const;

/**
 * An integration has a document to itself; the others are named by their plugin.
 *
 * @param notes of the org's integrations, by name; of all else its plugin's calls tell
 */
export function shownInstance(
  plugins: Pick<PluginHost, 'find'>,
  org: string,
  { binding, document, version }: ServedBinding,
  notes: ReadonlyMap<string, HealthNote>,
) {
  const { id, pluginId, scope, namespaceId, type = null, isEnabled } = binding;
  const plugin = plugins.find(org, pluginId);
  const isIntegration = scope === 'integration';
  const ofPlugin = isEnabled ? healthOf(plugin) : 'unknown';
  const name = isIntegration ? id : (plugin?.manifest.displayName ?? pluginId);
  return {
    ...shownDocument(org, document),
    ...(!isIntegration && { ...shownMetadata(name), id, name }),
    version,
    pluginId,
    scope,
    namespaceId,
    type,
    config: shownConfig(plugin, binding),
    enabled: isEnabled,
    healthStatus: isIntegration ? (notes.get(id)?.status ?? 'unknown') : ofPlugin,
  };
}
