import type { ConfigVerdict, JsonObject } from './wire.ts';

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}
type Outcome<C> =
  | { readonly value: C; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/**
 * A schema of zod 4, as far as types and validation go.
 *
 * @see https://standardschema.dev
 */
export interface TypedSchema<C> {
  readonly '~standard': {
    readonly vendor: string;
    validate(value: unknown): Outcome<C> | Promise<Outcome<C>>;
    readonly types?: { readonly input: unknown; readonly output: C } | undefined;
  };
}

/** Zod, from which `C` follows, or JSON Schema 2020-12, with `C` named by the author. */
export type ConfigSchema<C> = TypedSchema<C> | JsonObject;

/** What the schema makes of a configuration that the host has checked against its JSON form. */
export async function parseConfig<C>(
  schema: ConfigSchema<C> | undefined,
  config: JsonObject,
): Promise<C> {
  if (!isTyped(schema)) return config as C;
  const outcome = await schema['~standard'].validate(config);
  // Left is what the schema dislikes of a secret that this plugin was not granted.
  return outcome.issues ? (config as C) : outcome.value;
}

/** What a schema says beyond its JSON form, such as a zod refinement. */
export async function checkConfig<C>(
  schema: ConfigSchema<C> | undefined,
  config: JsonObject,
): Promise<ConfigVerdict> {
  if (!isTyped(schema)) return { valid: true, errors: [] };
  const { issues = [] } = await schema['~standard'].validate(config);
  const errors = issues
    .map(({ message, path = [] }) => ({ keys: path.map(keyOf), message }))
    .filter(({ keys }) => !isHiddenSecret(at(config, keys)))
    .map(({ keys, message }) => ({ field: pointerTo(keys), message }));
  return { valid: errors.length === 0, errors };
}

export const isTyped = <C>(schema: ConfigSchema<C> | undefined): schema is TypedSchema<C> =>
  schema !== undefined && '~standard' in schema;

/** Instead of a value that was not granted, the host gives its name. */
const isHiddenSecret = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('secret:');

const keyOf = (step: PropertyKey | { key: PropertyKey }): string =>
  String(typeof step === 'object' ? step.key : step);

const at = (value: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (inner as JsonObject | undefined)?.[key], value);

const pointerTo = (keys: readonly string[]): string =>
  keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
