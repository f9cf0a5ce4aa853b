import { ROLE_NAME } from '../identity/roles.ts';

/** What the bodies of people's routes share. */
export const name = { type: 'string', minLength: 1, maxLength: 200 };
export const password = { type: 'string', maxLength: 1024 };
const role = { type: 'string', pattern: ROLE_NAME };
export const roles = { type: 'array', minItems: 1, maxItems: 20, uniqueItems: true, items: role };
