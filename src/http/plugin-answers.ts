import { HEALTH_STATUSES } from '../plugin-host/contract/read-lifecycle.ts';
import { CAPABILITIES } from '../registry/server-manifest/manifest.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import { flag, listOf, objectOf, text, textOrNull, texts, whole } from './shapes.ts';

const state = { enum: ['discovered', 'loaded', 'active', 'stopped', 'failed'] };
const orNull = (shape: JsonSchema): JsonSchema => ({ oneOf: [shape, { type: 'null' }] });

/** As `shownPlugin` shows it. */
export const pluginShape: JsonSchema = objectOf({
  id: text,
  name: text,
  version: text,
  category: text,
  source: { enum: ['builtin', 'host', 'registry'] },
  trust: { enum: ['builtin', 'trusted', 'untrusted'] },
  signature: { enum: ['core', 'signed', 'unsigned', 'modified', 'invalid'] },
  runtime: { enum: ['in-process', 'sandbox', 'process'] },
  provides: listOf({
    enum: ['integration', 'step', 'gate', 'notifier', 'hook', 'tool', 'route', 'page'],
  }),
  capabilities: listOf({ enum: CAPABILITIES }),
  configSchema: { type: ['object', 'null'] },
  state,
  enabled: flag,
  priority: whole,
  permissions: objectOf({ requested: texts, granted: texts }),
  routes: texts,
  menu: listOf(objectOf({ title: text, description: text, href: text }, ['description'])),
  pending: orNull(objectOf({ version: text, reason: text })),
  lastError: textOrNull,
});

export const pluginExample = {
  id: 'ticket-desk',
  name: 'Ticket desk',
  version: '1.4.0',
  category: 'automation',
  source: 'registry',
  trust: 'untrusted',
  signature: 'signed',
  runtime: 'sandbox',
  provides: ['hook', 'page'],
  capabilities: ['management_api', 'approval_hook'],
  configSchema: { type: 'object', properties: { url: { type: 'string' } } },
  state: 'active',
  enabled: true,
  priority: 0,
  permissions: { requested: ['http:config:/url', 'kv'], granted: ['http:config:/url', 'kv'] },
  routes: ['GET /plugins/ticket-desk/open'],
  menu: [{ title: 'Tickets', href: '/v0/resource/plugins/ticket-desk/index' }],
  pending: null,
  lastError: null,
};

export const pluginAnswer: AnswerShape = { data: pluginShape, example: pluginExample };

const milliseconds = { type: ['number', 'null'] };

/** Of `HealthCheck`. */
export const checksShape = listOf(objectOf({ name: text, ok: flag, message: text }, ['message']));

export const healthAnswer: AnswerShape = {
  data: objectOf(
    {
      status: { enum: HEALTH_STATUSES },
      message: text,
      checks: checksShape,
      state,
      breaker: { enum: ['closed', 'open', 'half-open'] },
      p50Ms: milliseconds,
      p95Ms: milliseconds,
      restarts: whole,
      memoryBytes: whole,
      lastError: textOrNull,
    },
    ['message'],
  ),
  example: {
    status: 'degraded',
    message: 'the desk is slow',
    checks: [{ name: 'desk', ok: true }],
    state: 'active',
    breaker: 'closed',
    p50Ms: 0.2,
    p95Ms: 1.4,
    restarts: 0,
    memoryBytes: 9_437_184,
    lastError: null,
  },
};
