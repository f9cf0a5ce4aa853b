import { CAPABILITIES } from '../registry/server-manifest/manifest.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import { flag, listOf, objectOf, text, textOrNull, time, whole } from './shapes.ts';

const map = { type: 'object' };

export const boundShape: JsonSchema = objectOf({
  pluginId: text,
  name: text,
  category: textOrNull,
  capabilities: listOf({ enum: CAPABILITIES }),
  enabled: flag,
  config: map,
  health: { enum: ['healthy', 'degraded', 'unhealthy', 'unknown'] },
  pluginVersion: textOrNull,
  version: text,
  updatedAt: time,
  updatedBy: text,
});

export const boundExample = {
  pluginId: 'ticket-desk',
  name: 'Ticket desk',
  category: 'automation',
  capabilities: ['agent_query', 'tools'],
  enabled: true,
  config: { url: 'https://tickets.example.com', token: '***' },
  health: 'healthy',
  pluginVersion: '1.4.0',
  version: '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
  updatedAt: '2026-11-21T06:53:57.000Z',
  updatedBy: 'ada@example.com',
};

export const boundAnswer: AnswerShape = { data: boundShape, example: boundExample };

const result = objectOf(
  {
    pluginId: text,
    type: text,
    title: text,
    text,
    data: map,
    score: { type: 'number', minimum: 0, maximum: 1 },
    source: objectOf({ name: text, url: text, retrievedAt: text }, ['url']),
    mock: flag,
    expiresAt: text,
  },
  ['text', 'data', 'score', 'source', 'mock', 'expiresAt'],
);

export const agentAnswer: AnswerShape = {
  data: objectOf({
    results: listOf(result),
    skipped: listOf(objectOf({ pluginId: text, reason: text, durationMs: whole })),
    durationMs: whole,
  }),
  example: {
    results: [{ pluginId: 'ticket-desk', type: 'ticket', title: 'T-17: Login fails', score: 0.8 }],
    skipped: [{ pluginId: 'wiki', reason: 'PLG_TIMEOUT', durationMs: 5001 }],
    durationMs: 5003,
  },
};

export const toolShape: JsonSchema = objectOf(
  { pluginId: text, name: text, description: text, inputSchema: map },
  ['description'],
);

export const toolExample = {
  pluginId: 'ticket-desk',
  name: 'ticket.close',
  description: 'Closes a ticket.',
  inputSchema: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
};

export const toolAnswer: AnswerShape = {
  data: objectOf(
    { content: listOf(objectOf({ type: text, text })), structuredContent: map, isError: flag },
    ['structuredContent', 'isError'],
  ),
  example: { content: [{ type: 'text', text: 'T-17 is closed.' }] },
};
