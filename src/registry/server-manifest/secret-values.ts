import type { JsonSchema } from './manifest.ts';

export interface SecretValue {
  /** Decoded segments of its JSON pointer. */
  pointer: readonly string[];
  value: unknown;
}

/** Of schemas and values by their product: an author could make either hold everybody up. */
const MOST_STEPS = 100_000;
/** Of a place's name, or of a reference, that take as long as a step. */
const STEP_CHARS = 64;

const BRANCHES = ['allOf', 'anyOf', 'oneOf'] as const;
const CONDITIONS = ['if', 'then', 'else'] as const;

/**
 * What stands in a configuration where its schema says `writeOnly`, whichever
 * branch of the schema says so. Runs no pattern, so that anybody's schema may
 * be given.
 *
 * @throws {RangeError} for a schema that refers to itself too often
 */
export function findSecretValues(root: JsonSchema, config: unknown): SecretValue[] {
  const found = new Map<string, SecretValue>();
  const seen = new Map<object, Set<string>>();
  let steps = 0;
  visit(root, config, []);
  return [...found.values()];

  function step(cost: number): void {
    steps += cost;
    if (steps > MOST_STEPS) throw new RangeError('the config schema is too entangled');
  }

  function visit(schema: unknown, value: unknown, pointer: readonly string[]): void {
    if (schema === undefined || value === undefined) return;
    step(1);
    if (!isMap(schema)) return;
    step(lengthOf(schema['$ref']) / STEP_CHARS);
    step(pointer.reduce((sum, key) => sum + key.length, 0) / STEP_CHARS);
    const at = JSON.stringify(pointer);
    const places = seen.get(schema) ?? new Set();
    if (places.has(at)) return;
    seen.set(schema, places.add(at));
    if (schema['writeOnly'] === true) {
      found.set(at, { pointer, value });
      return;
    }
    for (const other of appliedSchemas(root, schema)) visit(other, value, pointer);
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) {
        for (const child of itemSchemas(schema, i)) visit(child, item, [...pointer, String(i)]);
      }
    } else if (isMap(value)) {
      for (const [key, item] of Object.entries(value)) {
        for (const child of fieldSchemas(schema, key)) visit(child, item, [...pointer, key]);
      }
    }
  }
}

/** Schemas that are for the same value. */
export const appliedSchemas = (root: JsonSchema, schema: JsonSchema): unknown[] => [
  ...BRANCHES.flatMap((name) => listOf(schema[name])),
  ...CONDITIONS.map((name) => schema[name]),
  ...Object.values(mapOf(schema['dependentSchemas'])),
  resolve(root, schema['$ref']),
];

const itemSchemas = (schema: JsonSchema, i: number): unknown[] => {
  const first = listOf(schema['prefixItems'])[i];
  return [first ?? schema['items'], schema['contains']];
};

/** Those under a pattern are taken to be for every field: to tell would be to run it. */
const fieldSchemas = (schema: JsonSchema, key: string): unknown[] => {
  const properties = mapOf(schema['properties']);
  return [
    Object.hasOwn(properties, key) ? properties[key] : schema['additionalProperties'],
    ...Object.values(mapOf(schema['patternProperties'])),
  ];
};

/** Within the schema only: others are never fetched. */
function resolve(root: JsonSchema, ref: unknown): unknown {
  if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref)) return undefined;
  let at: unknown = root;
  for (const segment of ref.split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const mapOf = (value: unknown): Record<string, unknown> => (isMap(value) ? value : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
