import { WaymarkError } from '../../model/errors.ts';
import { toPointer } from '../../registry/finding.ts';
import type { JsonSchema } from '../../registry/server-manifest/manifest.ts';
import { isNamedField } from '../../registry/server-manifest/secret-fields.ts';
import {
  findSecretValues,
  type SecretValue,
} from '../../registry/server-manifest/secret-values.ts';
import type { ConfigError } from './read-lifecycle.ts';

export type Config = Readonly<Record<string, unknown>>;

/** What stands for a secret wherever a configuration is shown; written back, it keeps the secret. */
export const MASK = '***';

/**
 * A configuration as it may be shown.
 *
 * @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT` for a schema that is too entangled
 *   to say what is secret: then nothing is shown
 */
export const maskSecrets = (schema: JsonSchema, config: Config): Config =>
  replaced(config, secretsIn(schema, config), () => MASK);

export interface TakenSecrets {
  /** `***` where nothing is kept, and what is no text. */
  errors: readonly ConfigError[];
  /** New ones, by field: their places are still empty in what is written to git. */
  secrets: ReadonlyMap<string, string>;
  /** The names of those that stay as they are, by field. */
  kept: ReadonlyMap<string, string>;
  /** For `PluginHost.checkConfig`: new secrets as they were given, kept ones by their `{secretRef}`. */
  config: Config;
  /** For git. @param names under which the new ones are kept, by field */
  withNames(names: ReadonlyMap<string, string>): Config;
}

/**
 * Takes the secrets out of a configuration that somebody wrote.
 *
 * @param kept as in git: what `***` stands for
 */
export function takeSecrets(schema: JsonSchema, next: Config, kept: Config = {}): TakenSecrets {
  const errors: ConfigError[] = [];
  const secrets = new Map<string, string>();
  const before = new Map(
    secretsIn(schema, kept).map(({ pointer, value }) => [fieldOf(pointer), value]),
  );
  const config = replaced(next, secretsIn(schema, next), (value, pointer) => {
    const field = fieldOf(pointer);
    if (isReference(value) || value === null) return value;
    if (value === MASK && isReference(before.get(field))) return before.get(field);
    if (value === MASK || typeof value !== 'string') {
      const message =
        value === MASK ? 'there is no secret to keep: give one' : 'a secret is a text';
      errors.push({ field: toPointer(pointer), message });
    } else secrets.set(field, value);
    return value;
  });
  const withNames = (names: ReadonlyMap<string, string>) =>
    replaced(config, secretsIn(schema, config), (value, pointer) => {
      const name = secrets.has(fieldOf(pointer)) ? names.get(fieldOf(pointer)) : undefined;
      return name === undefined ? value : { secretRef: name };
    });
  return { errors, secrets, kept: namesIn(schema, config), config, withNames };
}

function namesIn(schema: JsonSchema, config: Config): Map<string, string> {
  const found = secretsIn(schema, config).flatMap(({ pointer, value }) => {
    const name = isReference(value) ? (value as { secretRef: unknown }).secretRef : undefined;
    return typeof name === 'string' ? [[fieldOf(pointer), name] as const] : [];
  });
  return new Map(found);
}

export interface SecretTerms {
  /** `permissions.secrets` as granted. */
  granted: Iterable<string>;
  /** By field. Undefined for one that was never given. */
  read(field: string): Promise<string | undefined>;
}

/** As a server part sees it: the secrets that it was granted, and `secret:<field>` for the others. */
export async function resolveConfig(
  schema: JsonSchema,
  config: Config,
  terms: SecretTerms,
): Promise<Config> {
  const names = [...terms.granted];
  const found = secretsIn(schema, config).filter(({ value }) => value !== null);
  const values = new Map<string, unknown>();
  for (const { pointer, value } of found) {
    const field = fieldOf(pointer);
    if (!isNamedField(names, field)) values.set(field, `secret:${field}`);
    else values.set(field, isReference(value) ? await terms.read(field) : value);
  }
  return replaced(config, found, (_, pointer) => values.get(fieldOf(pointer)));
}

/** A schema that also takes `{secretRef}` where it wants a secret: for what is not resolved yet. */
export function withReferences(schema: JsonSchema): JsonSchema {
  return accepting(schema) as JsonSchema;

  function accepting(part: unknown): unknown {
    if (Array.isArray(part)) return part.map(accepting);
    if (typeof part !== 'object' || part === null) return part;
    if ((part as JsonSchema)['writeOnly'] !== true) {
      return Object.fromEntries(
        Object.entries(part).map(([key, child]) => [key, accepting(child)]),
      );
    }
    const isReferenced = { type: 'object', required: ['secretRef'] };
    return { dependentSchemas: { secretRef: REFERENCE }, if: isReferenced, else: part };
  }
}

const REFERENCE: JsonSchema = {
  properties: { secretRef: { type: 'string', minLength: 1, maxLength: 200 } },
  additionalProperties: false,
};

/** Its pointer without the first slash: `token`, `auth/token`. */
const fieldOf = (pointer: readonly string[]): string => toPointer(pointer).slice(1);

const isReference = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'secretRef');

function secretsIn(schema: JsonSchema, config: Config): SecretValue[] {
  try {
    return findSecretValues(schema, config);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new WaymarkError('PLG_SCHEMA_TIMEOUT', cause.message, {}, { cause });
  }
}

type Replace = (value: unknown, pointer: readonly string[]) => unknown;

/** A copy with other values in those places; undefined takes one away. */
function replaced(config: Config, places: readonly SecretValue[], replace: Replace): Config {
  const copy = structuredClone(config) as Record<string, unknown>;
  for (const { pointer, value } of places) {
    const parents = pointer.slice(0, -1);
    const last = pointer.at(-1);
    if (last === undefined) continue; // a schema that is secret as a whole has no place in git
    const parent = parents.reduce<unknown>((at, key) => (at as Config)[key], copy) as Record<
      string,
      unknown
    >;
    const next = replace(value, pointer);
    if (next !== undefined) parent[last] = next;
    else if (Array.isArray(parent)) parent[Number(last)] = null;
    else delete parent[last];
  }
  return copy;
}
