import { id } from './shapes.ts';

/** What the bodies of people's routes share. */
export const name = { type: 'string', minLength: 1, maxLength: 200 };
export const password = { type: 'string', maxLength: 1024 };
export const roles = { type: 'array', minItems: 1, maxItems: 20, uniqueItems: true, items: id };
