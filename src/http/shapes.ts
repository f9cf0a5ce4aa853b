import { FINGERPRINT, NAME, OID } from './patterns.ts';
import type { JsonSchema } from './route.ts';

/** What bodies and answers are made of. */
export const text = { type: 'string' };
export const textOrNull = { type: ['string', 'null'] };
export const texts = { type: 'array', items: text };
export const flag = { type: 'boolean' };
export const whole = { type: 'integer' };
/** Of a version or a sequence: they begin at 1. */
export const ordinal = { type: 'integer', minimum: 1 };
export const time = { type: 'string', format: 'date-time' };
export const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
export const oid = { type: 'string', pattern: OID };
export const fingerprint = { type: 'string', pattern: FINGERPRINT };
export const id = { type: 'string', pattern: NAME };
export const digest = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' };
export const anything: JsonSchema = {};

/** With these fields and no others; `optional` ones may be left out. */
export const objectOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
  properties,
});

/** The body of a request: what is not `required` may be left out. */
export const bodyOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema => ({ type: 'object', required, additionalProperties: false, properties });

export const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const mapOf = (values: JsonSchema): JsonSchema => ({
  type: 'object',
  additionalProperties: values,
});

/** What a compiler says of a place in a file. */
export const diagnostic = objectOf(
  {
    severity: { enum: ['error', 'warning'] },
    code: text,
    path: text,
    line: whole,
    column: whole,
    pointer: text,
    message: text,
    hint: text,
  },
  ['hint'],
);
