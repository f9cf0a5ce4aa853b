import type { Kind } from './kinds.ts';

/** SHA-256 hex over all schema files: part of every cache key that a verdict depends on. */
export const SCHEMA_SET_DIGEST: string = '';

export type Validator = ((document: unknown) => boolean) & { errors?: null | object[] };

export function validatorFor(_kind: Kind): Validator {
  return () => true;
}
