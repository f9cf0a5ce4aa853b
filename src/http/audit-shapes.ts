import { fingerprint, flag, objectOf, ordinal, text, time } from './shapes.ts';

const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };

export const entryShape = objectOf(
  {
    sequence: ordinal,
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
  sequence: ordinal,
  hash: sha256,
  at: time,
  keyId: fingerprint,
  signature: text,
});

export const chainReportShape = objectOf(
  {
    ok: flag,
    entries: { type: 'integer', minimum: 0 },
    firstBreak: ordinal,
    gaps: { type: 'array', maxItems: 100, items: objectOf({ from: ordinal, to: ordinal }) },
    checkpoint: { anyOf: [checkpointShape, { type: 'null' }] },
  },
  ['firstBreak'],
);
