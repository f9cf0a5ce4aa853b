import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';

export type SchemaVerdict =
  /** With the schema's defaults. */
  { isValid: true; value: unknown } | { isValid: false; errors: readonly SchemaError[] };

export interface SchemaError {
  /** RFC 6901; of one that is missing or unknown, where it would stand. */
  field: string;
  /** In the schema's words: never the value's, which may be a secret. */
  message: string;
}

const MOST_ERRORS = 50;

/** Without backtracking: a pattern takes time by the text's length, whatever its author wrote. */
const linear = Object.assign((pattern: string) => RE2JS.compile(RE2JS.translateRegExp(pattern)), {
  code: 'linear',
});

export function judge(validate: ValidateFunction, value: unknown): SchemaVerdict {
  if (validate(value)) return { isValid: true, value };
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
  return { isValid: false, errors: errors.slice(0, MOST_ERRORS).map(toSchemaError) };
}

/**
 * Each has an Ajv of its own: no schema meets another org's under the same `$id`.
 *
 * @throws {Error} for what is no schema. May take for ever: only for a worker
 */
export function compile(schema: object): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false, // an author's keywords of their own, such as x-writable, mean nothing here
    ownProperties: true,
    useDefaults: true,
    logger: false,
    code: { regExp: linear },
  });
  // @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
  addFormats(ajv);
  return ajv.compile(schema);
}

function toSchemaError({ instancePath, params, keyword, message }: ErrorObject): SchemaError {
  const { missingProperty, additionalProperty, unevaluatedProperty, allowedValues } =
    params as ErrorParams;
  const name = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  if (name !== undefined) {
    const field = `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return { field, message: missingProperty === undefined ? 'is not known here' : 'is missing' };
  }
  const words = allowedValues
    ? `must be one of ${allowedValues.map(String).join(', ')}`
    : (message ?? `fails ${keyword}`);
  return { field: instancePath, message: words };
}

interface ErrorParams {
  missingProperty?: string;
  additionalProperty?: string;
  unevaluatedProperty?: string;
  allowedValues?: unknown[];
}
