import { NOT_BLANK, PLAIN } from './patterns.ts';
import type { AnswerShape, JsonSchema } from './route.ts';
import {
  diagnostic,
  digest,
  flag,
  listOf,
  objectOf,
  oid,
  text,
  textOrNull,
  whole,
} from './shapes.ts';

const path = { type: 'string', minLength: 1, maxLength: 1024 };
const pointer = { type: 'string', maxLength: 4096 };

/** One of several forms, which `op` chooses. */
const byOp = (...forms: JsonSchema[]): JsonSchema => ({
  type: 'object',
  required: ['op'],
  properties: { op: { type: 'string' } },
  discriminator: { propertyName: 'op' },
  oneOf: forms,
});

const operation = (
  op: string,
  fields: Record<string, JsonSchema>,
  optional?: string[],
): JsonSchema => objectOf({ op: { const: op }, path, ...fields }, optional);

/** RFC 6902 lets an operation have members that mean nothing. */
const step = (ops: string[], fields: Record<string, JsonSchema>): JsonSchema => ({
  ...objectOf({ op: { enum: ops }, path: pointer, ...fields }),
  additionalProperties: true,
});

const patch = byOp(
  step(['add', 'replace', 'test'], { value: {} }),
  step(['move', 'copy'], { from: pointer }),
  step(['remove'], {}),
);

/** Of `operations`, wherever an edit is taken. */
export const operationsShape: JsonSchema = {
  type: 'array',
  minItems: 1,
  maxItems: 500,
  items: byOp(
    operation('upsert', { content: text, encoding: { enum: ['base64'] } }, ['encoding']),
    operation('patch', { patch: { type: 'array', minItems: 1, maxItems: 1000, items: patch } }),
    operation('rename', { to: path }),
    operation('remove', {}),
  ),
};

const message = {
  type: 'string',
  maxLength: 10_000,
  allOf: [{ pattern: NOT_BLANK }, { pattern: PLAIN }],
};

export const editShape: JsonSchema = objectOf({
  base: oid,
  message,
  operations: operationsShape,
});

const item = objectOf(
  { kind: text, id: text, path: text, plugin: textOrNull, fields: listOf(text) },
  ['fields'],
);
/** What two registries differ in, object by object. */
export const objectsShape = objectOf({
  added: listOf(item),
  removed: listOf(item),
  changed: listOf(item),
});

export const fileDiffShape = objectOf({
  path: text,
  status: { enum: ['added', 'changed', 'removed'] },
  diff: textOrNull,
});

const digestOrNull = { oneOf: [digest, { type: 'null' }] };

export const previewAnswer: AnswerShape = {
  data: objectOf({
    base: oid,
    isValid: flag,
    diff: listOf(fileDiffShape),
    diagnostics: listOf(diagnostic),
    objects: { oneOf: [objectsShape, { type: 'null' }] },
    digests: listOf(objectOf({ plugin: text, before: digestOrNull, after: digestOrNull })),
  }),
};

export const commitAnswer: AnswerShape = {
  data: objectOf({ commit: oid, sequence: whole }),
  example: { commit: '1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e', sequence: 42 },
};

export const proposedAnswer: AnswerShape = {
  data: objectOf({ change: objectOf({ number: whole, head: oid, url: text }) }),
  example: {
    change: {
      number: 7,
      head: '1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e',
      url: '/api/v1/change-requests/7',
    },
  },
};
