import type { JsonSchema } from './route.ts';

/** What answers are made of, for the documentation and the tests that hold them to it. */
export const text = { type: 'string' };
export const textOrNull = { type: ['string', 'null'] };
export const flag = { type: 'boolean' };
export const whole = { type: 'integer' };
export const time = { type: 'string', format: 'date-time' };
export const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
export const oid = { type: 'string', pattern: '^[0-9a-f]{40}$' };
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

export const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const mapOf = (values: JsonSchema): JsonSchema => ({
  type: 'object',
  additionalProperties: values,
});
