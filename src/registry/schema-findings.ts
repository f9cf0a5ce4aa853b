import { findNearest } from '../model/nearest.ts';
import { type Finding, fieldOf, fromPointer } from './finding.ts';
import type { SchemaError } from './schemas.ts';

type Schema = Record<string, unknown>;
type Words = Pick<Finding, 'code' | 'message' | 'hint'>;

/**
 * ajv's errors in an author's words; those that only repeat another are left out.
 *
 * @param at where in its document the value stands
 */
export function toFindings(errors: readonly SchemaError[], at: readonly string[] = []): Finding[] {
  return errors.filter((error) => !isEcho(error)).map((error) => toFinding(error, at));
}

/** Why a branch of `oneOf` failed is said by `oneOf` itself; `if` and `propertyNames` by what is inside. */
function isEcho({ keyword, schemaPath }: SchemaError): boolean {
  return keyword === 'if' || keyword === 'propertyNames' || /\/oneOf\/\d+\//.test(schemaPath);
}

function toFinding(error: SchemaError, at: readonly string[]): Finding {
  const pointer = [...at, ...fromPointer(error.instancePath)];
  const { propertyName } = error;
  if (propertyName !== undefined) {
    const message = `${fieldOf(pointer)} cannot have the key ${quote(propertyName)}`;
    const at = { pointer: [...pointer, propertyName], of: 'key' } as const;
    return { ...at, ...withHint({ code: 'wrong-form', message }, describe(error)) };
  }
  if (error.keyword === 'additionalProperties') return unknownField(error, pointer);
  const of = error.keyword === 'required' || error.keyword === 'false schema' ? 'key' : 'value';
  return { pointer, of, ...(words[error.keyword] ?? other)(error, fieldOf(pointer)) };
}

function unknownField(error: SchemaError, pointer: readonly string[]): Finding {
  const { additionalProperty: name } = error.params as { additionalProperty: string };
  const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as Schema);
  const nearest = findNearest(name, known);
  const hint = nearest ? `did you mean ${nearest}?` : `known are ${known.join(', ')}`;
  const message = `${fieldOf(pointer)} has no field ${quote(name)}`;
  return { code: 'unknown-field', pointer: [...pointer, name], of: 'key', message, hint };
}

const words: Record<string, (error: SchemaError, field: string) => Words> = {
  required: ({ params, parentSchema }, field) => {
    const { missingProperty: name } = params as { missingProperty: string };
    const schema = (parentSchema?.['properties'] as Schema | undefined)?.[name] as
      | Schema
      | undefined;
    const message = `${field} needs the field ${name}`;
    return withHint({ code: 'missing-field', message }, schema?.['description']);
  },
  'false schema': (_, field) => {
    return { code: 'wrong-field', message: `${field} does not go with the other fields here` };
  },
  type: ({ schema, data }, field) => {
    const wanted = [schema].flat().map((type) => nouns[String(type)] ?? String(type));
    const message = `${field} must be ${wanted.join(' or ')}, ${data === null ? 'and is empty' : `not ${nounOf(data)}`}`;
    const isBare = [schema].flat().includes('string') && typeof data !== 'object';
    return withHint({ code: 'wrong-type', message }, isBare ? 'write it in quotes' : undefined);
  },
  enum: ({ schema, data }, field) => {
    const values = (schema as unknown[]).map(String);
    const nearest = typeof data === 'string' ? findNearest(data, values) : undefined;
    const message = `${field} must be one of ${values.join(', ')}, not ${quote(data)}`;
    return withHint({ code: 'wrong-value', message }, nearest && `did you mean ${nearest}?`);
  },
  const: ({ schema, data }, field) => {
    return {
      code: 'wrong-value',
      message: `${field} must be ${String(schema)}, not ${quote(data)}`,
    };
  },
  pattern: wrongForm,
  format: wrongForm,
  minLength: (_, field) => ({ code: 'empty', message: `${field} must not be empty` }),
  maxLength: ({ schema, data }, field) => {
    const message = `${field} has ${Array.from(String(data)).length} characters: at most ${String(schema)} are allowed`;
    return { code: 'too-long', message };
  },
  minItems: (_, field) => ({ code: 'empty', message: `${field} must not be empty` }),
  minProperties: (_, field) => ({ code: 'empty', message: `${field} must not be empty` }),
  maxProperties: ({ schema }, field) => {
    return { code: 'too-many-fields', message: `${field} may hold ${String(schema)} field only` };
  },
  uniqueItems: ({ params }, field) => {
    const { i, j } = params as { i: number; j: number };
    return { code: 'duplicate-item', message: `${field} names the same twice, at ${j} and ${i}` };
  },
  minimum: outOfRange('at least'),
  maximum: outOfRange('at most'),
  exclusiveMinimum: outOfRange('more than'),
  oneOf: ({ schema }, field) => {
    const names = (schema as Schema[]).flatMap((branch) => branch['required'] as string[]);
    return { code: 'one-of', message: `${field} needs exactly one of ${names.join(' and ')}` };
  },
  not: ({ schema }, field) => {
    const names = (schema as Schema)['required'] as string[];
    return { code: 'one-of', message: `${field} takes only one of ${names.join(' and ')}` };
  },
};

function wrongForm(error: SchemaError, field: string): Words {
  const message = `${field} cannot be ${quote(error.data)}`;
  return withHint({ code: 'wrong-form', message }, describe(error));
}

function outOfRange(bound: string) {
  return ({ schema, data }: SchemaError, field: string): Words => {
    const message = `${field} must be ${bound} ${String(schema)}, not ${String(data)}`;
    return { code: 'out-of-range', message };
  };
}

const other = ({ message }: SchemaError, field: string): Words => ({
  code: 'schema',
  message: `${field} ${message}`,
});

const nouns: Record<string, string> = {
  string: 'text',
  object: 'a map',
  array: 'a list',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

const nounOf = (value: unknown): string => {
  if (typeof value === 'boolean') return String(value);
  return nouns[Array.isArray(value) ? 'array' : typeof value] ?? typeof value;
};

const describe = ({ parentSchema }: SchemaError): unknown => parentSchema?.['description'];

const withHint = (words: Words, hint: unknown): Words =>
  typeof hint === 'string' ? { ...words, hint: hint.replace(/\.$/, '') } : words;

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
