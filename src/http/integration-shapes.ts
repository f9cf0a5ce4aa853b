import { HEALTH_STATUSES } from '../plugin-host/contract/read-lifecycle.ts';
import { MASK } from '../plugin-host/contract/secrets-in-config.ts';
import type { HealthNote } from '../plugin-host/integration-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { type ServedBinding, shownConfig } from '../plugin-host/show-binding.ts';
import {
  documentExample,
  documentFields,
  documentShape,
  shownDocument,
} from './document-shapes.ts';
import { checksShape } from './plugin-answers.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import {
  flag,
  listOf,
  objectOf,
  text,
  textOrNull,
  texts,
  time,
  timeOrNull,
  whole,
} from './shapes.ts';

const map = { type: 'object' };
const mapOrNull = { type: ['object', 'null'] };

/** As `IntegrationType`. */
export const typeShape: JsonSchema = objectOf({
  id: text,
  category: text,
  pluginId: text,
  displayName: text,
  configSchema: map,
  secretsSchema: mapOrNull,
  resourceTypes: texts,
  operations: texts,
  isBuiltin: flag,
});

export const typeExample = {
  id: 'scm.gitea',
  category: 'scm',
  pluginId: 'gitea',
  displayName: 'Gitea',
  configSchema: { type: 'object', required: ['endpoint', 'repository'] },
  secretsSchema: { type: 'object', properties: { token: { type: 'string', writeOnly: true } } },
  resourceTypes: ['repository', 'branch', 'tag', 'pullRequest'],
  operations: ['commitStatus.set', 'pullRequest.open', 'pullRequest.get'],
  isBuiltin: true,
};

const status = { enum: HEALTH_STATUSES };

export const integrationShape: JsonSchema = objectOf({
  ...documentShape,
  type: text,
  pluginId: text,
  enabled: flag,
  config: map,
  credentials: map,
  healthStatus: status,
  lastHealthCheck: timeOrNull,
  lastHealthMessage: textOrNull,
});

export const integrationExample = {
  ...documentExample('integrations/forge.yaml', 'The forge'),
  type: 'scm.gitea',
  pluginId: 'gitea',
  enabled: true,
  config: { endpoint: 'https://gitea.example.com', repository: 'acme/tools' },
  credentials: { token: '***' },
  healthStatus: 'healthy',
  lastHealthCheck: '2026-11-21T06:53:57.831Z',
  lastHealthMessage: null,
};

export const integrationAnswer: AnswerShape = {
  data: integrationShape,
  example: integrationExample,
};

export const testAnswer: AnswerShape = {
  data: objectOf({ ok: flag, latencyMs: whole, checks: checksShape }),
  example: { ok: true, latencyMs: 182, checks: [{ name: 'token', ok: true }] },
};

export const discoverAnswer: AnswerShape = {
  data: objectOf({
    resources: listOf(objectOf({ id: text, name: text, type: text, metadata: map })),
  }),
  example: {
    resources: [{ id: 'main', name: 'main', type: 'branch', metadata: { isProtected: true } }],
  },
};

const note = objectOf({ at: time, status, latencyMs: whole, message: textOrNull });

export const integrationHealthAnswer: AnswerShape = {
  data: objectOf({
    status,
    checkedAt: timeOrNull,
    message: textOrNull,
    history: listOf(note),
  }),
  example: {
    status: 'healthy',
    checkedAt: '2026-11-21T06:53:57.831Z',
    message: null,
    history: [{ at: '2026-11-21T06:53:57.831Z', status: 'healthy', latencyMs: 41, message: null }],
  },
};

/** What a list is filtered and sorted by. */
export const integrationFields = {
  ...documentFields,
  type: { type: 'text', isSortable: true },
  pluginId: { type: 'text', isSortable: true },
  enabled: { type: 'boolean', isSortable: true },
  healthStatus: { type: 'text', isSortable: true },
  lastHealthCheck: { type: 'time', isSortable: true },
} as const;

export function shownIntegration(
  plugins: Pick<PluginHost, 'find'>,
  org: string,
  { binding, document, version }: ServedBinding,
  note: HealthNote | undefined,
) {
  const { type = '', pluginId, isEnabled, credentials = {} } = binding;
  return {
    ...shownDocument(org, document),
    version,
    type,
    pluginId,
    enabled: isEnabled,
    config: shownConfig(plugins.find(org, pluginId), binding),
    credentials: Object.fromEntries(Object.keys(credentials).map((field) => [field, MASK])),
    healthStatus: note?.status ?? 'unknown',
    lastHealthCheck: note?.at ?? null,
    lastHealthMessage: note?.message ?? null,
  };
}
