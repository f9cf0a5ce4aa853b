import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Finding, fieldOf } from './finding.ts';
import type { JsonObject } from './schema-files.ts';
import { toFindings } from './schema-findings.ts';
import { findSecretValues } from './server-manifest/secret-values.ts';

type Pointer = readonly string[];

const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true });
// @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
addFormats(ajv);
ajv.addVocabulary(['x-writable']);

const validators = new WeakMap<JsonObject, ValidateFunction>();

/**
 * What is wrong with a binding's configuration, by the schema of a built-in:
 * nobody else's may run here.
 *
 * @param at where it stands in its document
 */
export function checkBuiltinConfig(schema: JsonObject, config: unknown, at: Pointer): Finding[] {
  let validate = validators.get(schema);
  if (!validate) {
    validate = ajv.compile(asInGit(schema) as JsonObject);
    validators.set(schema, validate);
  }
  const literals = findLiterals(schema, config, at);
  const said = new Set(literals.map(({ pointer }) => JSON.stringify(pointer)));
  if (validate(config)) return literals;
  const wrong = toFindings(validate.errors ?? [], at).filter(
    ({ pointer }) => !said.has(JSON.stringify(pointer)),
  );
  return [...literals, ...wrong];
}

/** Secrets that stand there themselves; all readers of the repository would have them. */
export function findLiterals(schema: JsonObject, config: unknown, at: Pointer): Finding[] {
  const secrets = secretsIn(schema, config);
  if (!secrets) {
    const message = `${fieldOf(at)} cannot be looked through: its schema refers to itself too often`;
    return [{ code: 'entangled-schema', pointer: at, of: 'value', message }];
  }
  return secrets
    .filter(({ value }) => !isReference(value))
    .map(({ pointer }) => {
      const place = [...at, ...pointer];
      const message = `${fieldOf(place)} holds a secret that all readers of the registry see`;
      const hint = 'write {secretRef: name}, and keep the secret with Waymark';
      return { code: 'literal-secret', pointer: place, of: 'value' as const, message, hint };
    });
}

/** Undefined where that would take too long. */
function secretsIn(schema: JsonObject, config: unknown) {
  try {
    return findSecretValues(schema, config);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** One that says more than a name could say the secret. */
const isReference = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).join() === 'secretRef';

const REFERENCE = {
  type: 'object',
  description: 'Names a secret: {secretRef: name}.',
  properties: { secretRef: { type: 'string', minLength: 1, maxLength: 200 } },
  required: ['secretRef'],
  additionalProperties: false,
};

/** The same schema where each secret is named instead. */
function asInGit(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asInGit);
  if (typeof schema !== 'object' || schema === null) return schema;
  if ((schema as JsonObject)['writeOnly'] === true) return REFERENCE;
  return Object.fromEntries(Object.entries(schema).map(([key, child]) => [key, asInGit(child)]));
}
