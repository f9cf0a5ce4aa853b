import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import semver from 'semver';
import type { Kind } from './kinds.ts';
import { type JsonObject, readSchemas } from './schema-files.ts';

const schemas = readSchemas();

/** SHA-256 hex over all schema files: part of every cache key that a verdict depends on. */
export const SCHEMA_SET_DIGEST: string = schemas.digest;

export type SchemaError = ErrorObject;

const ajv = new Ajv2020({
  allErrors: true, // an author wants all of them; the file's size bounds how many there can be
  verbose: true, // messages are made from the failing schema's own words
  strict: true,
  validateSchema: false, // the schemas are our own: a test holds them against the standard's
  strictRequired: false, // `required` inside oneOf names properties that stand beside it
  allowUnionTypes: true,
});
// @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
addFormats(ajv, ['date-time']);
ajv.addFormat('semver', (text: string) => semver.parse(text)?.raw === text && !/^[v=]/.test(text));
ajv.addFormat('semver-range', (text: string) => semver.validRange(text) !== null);

const validators = new Map<Kind, ValidateFunction>();

/** Compiled at the first use: a process that meets only skills pays for no other kind. */
export function validatorFor(kind: Kind): ValidateFunction {
  const known = validators.get(kind);
  if (known) return known;
  const schema = schemas.kinds.get(kind);
  if (!schema) throw new Error(`schemas/ holds no schema of kind ${kind}`);
  const validator = ajv.compile(withoutRefs(schema));
  validators.set(kind, validator);
  return validator;
}

let manifestValidator: ValidateFunction | undefined;

/** Of a server part's `plugin.json`. */
export function validatorForManifest(): ValidateFunction {
  manifestValidator ??= ajv.compile(withoutRefs(schemas.manifest));
  return manifestValidator;
}

const PREFIX = 'definitions.json#/$defs/';

/** One of what the kinds' schemas share, whole. */
export const definitionOf = (name: string): JsonObject => withoutRefs({ $ref: PREFIX + name });

/**
 * Puts definitions in the place of references to them. ajv makes a function of
 * each reference and copies all errors so far at each of its calls: 30,000 wrong
 * items took ten seconds.
 */
function withoutRefs(schema: JsonObject): JsonObject {
  const definitions = schemas.definitions['$defs'] as Record<string, JsonObject>;
  return replaced(schema) as JsonObject;

  function replaced(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref, ...own } = value as JsonObject;
    const target = typeof $ref === 'string' ? definitions[$ref.slice(PREFIX.length)] : {};
    const entries = Object.entries({ ...target, ...own });
    return Object.fromEntries(entries.map(([key, child]) => [key, replaced(child)]));
  }
}
