import type { OrgRuntime } from '../delivery/runtime.ts';
import type { Binding } from '../plugin-host/binding.ts';
import { HEALTH_STATUSES } from '../plugin-host/contract/read-lifecycle.ts';
import { MASK } from '../plugin-host/contract/secrets-in-config.ts';
import type { HealthNote } from '../plugin-host/integration-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { lastWriteOf, servedVersion, shownConfig } from '../plugin-host/show-binding.ts';
import { checksShape } from './plugin-answers.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import {
  flag,
  listOf,
  objectOf,
  oid,
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
  id: text,
  tenantId: text,
  name: text,
  type: text,
  pluginId: text,
  enabled: flag,
  config: map,
  credentials: map,
  healthStatus: status,
  lastHealthCheck: timeOrNull,
  lastHealthMessage: textOrNull,
  path: text,
  commit: oid,
  version: text,
  updatedAt: timeOrNull,
  updatedBy: textOrNull,
});

export const integrationExample = {
  id: 'forge',
  tenantId: 'acme',
  name: 'forge',
  type: 'scm.gitea',
  pluginId: 'gitea',
  enabled: true,
  config: { endpoint: 'https://gitea.example.com', repository: 'acme/tools' },
  credentials: { token: '***' },
  healthStatus: 'healthy',
  lastHealthCheck: '2026-11-21T06:53:57.831Z',
  lastHealthMessage: null,
  path: 'integrations/forge.yaml',
  commit: '5feceb66ffc86f38d952786c6d696c79c2dbc239',
  version: '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
  updatedAt: '2026-11-21T06:50:00.000Z',
  updatedBy: 'ada@example.com',
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
  id: { type: 'text', isSortable: true },
  name: { type: 'text', isSortable: true },
  type: { type: 'text', isSortable: true },
  pluginId: { type: 'text', isSortable: true },
  enabled: { type: 'boolean', isSortable: true },
  healthStatus: { type: 'text', isSortable: true },
  lastHealthCheck: { type: 'time', isSortable: true },
} as const;

/** Without what takes a look at git: `withWrite` adds it. */
export function shownIntegration(
  plugins: Pick<PluginHost, 'find'>,
  { org: { slug }, view }: OrgRuntime,
  binding: Binding,
  note: HealthNote | undefined,
) {
  const { id, type = '', pluginId, isEnabled, credentials = {}, path } = binding;
  return {
    id,
    tenantId: slug,
    name: id,
    type,
    pluginId,
    enabled: isEnabled,
    config: shownConfig(plugins.find(slug, pluginId), binding),
    credentials: Object.fromEntries(Object.keys(credentials).map((field) => [field, MASK])),
    healthStatus: note?.status ?? 'unknown',
    lastHealthCheck: note?.at ?? null,
    lastHealthMessage: note?.message ?? null,
    path,
    commit: view.published.commit,
    version: servedVersion(view.published, binding),
  };
}

export const withWrite = async (
  runtime: OrgRuntime,
  shown: ReturnType<typeof shownIntegration>,
) => ({ ...shown, ...(await lastWriteOf(runtime, shown.path)) });
