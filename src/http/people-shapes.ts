import { ROLE_NAME } from '../identity/roles.ts';

/** Schemas that the routes of people share. */
export const text = { type: 'string' };
export const textOrNull = { type: ['string', 'null'] };
export const time = { type: 'string', format: 'date-time' };
export const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
export const texts = { type: 'array', items: text };
export const flag = { type: 'boolean' };
export const version = { type: 'integer', minimum: 1 };

export const name = { type: 'string', minLength: 1, maxLength: 200 };
export const password = { type: 'string', maxLength: 1024 };
const role = { type: 'string', pattern: ROLE_NAME };
export const roles = { type: 'array', minItems: 1, maxItems: 20, uniqueItems: true, items: role };

/** An object whose properties are all there. */
export const whole = (properties: Record<string, unknown>) => ({
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
});

/** An object of a request: what is not named is refused. */
export const closed = (properties: Record<string, unknown>, required: readonly string[] = []) => ({
  type: 'object',
  required,
  additionalProperties: false,
  properties,
});
