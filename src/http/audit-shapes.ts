import type { JsonSchema } from './route.ts';

const text = { type: 'string' };
const sequence = { type: 'integer', minimum: 1 };
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const time = { type: 'string', format: 'date-time' };

const objectOf = (
  properties: Record<string, JsonSchema>,
  optional: readonly string[] = [],
): JsonSchema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
  properties,
});

export const entryShape = objectOf(
  {
    sequence,
    at: time,
    tenant: text,
    actor: text,
    action: text,
    resource: text,
    before: {},
    after: {},
    requestId: text,
    previousHash: sha256,
    hash: sha256,
  },
  ['before', 'after', 'requestId'],
);

export const checkpointShape = objectOf({
  tenant: text,
  sequence,
  hash: sha256,
  at: time,
  keyId: { type: 'string', pattern: '^[0-9A-F]{40}$' },
  signature: text,
});

export const chainReportShape = objectOf(
  {
    ok: { type: 'boolean' },
    entries: { type: 'integer', minimum: 0 },
    firstBreak: sequence,
    gaps: { type: 'array', maxItems: 100, items: objectOf({ from: sequence, to: sequence }) },
    checkpoint: { anyOf: [checkpointShape, { type: 'null' }] },
  },
  ['firstBreak'],
);
