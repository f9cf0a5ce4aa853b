import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { WaymarkError } from '../model/errors.ts';
import { toValidationError } from './json-body.ts';

type QuerySchemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

// A query has texts alone: `3` and `true` are taken for what their schema says.
const ajv = new Ajv2020({ allErrors: true, strict: true, coerceTypes: true });
// @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
addFormats(ajv, ['date-time']);

const checks = new WeakMap<QuerySchemas, ValidateFunction>();

/**
 * Parameters that are not declared are left to the handler.
 *
 * @throws {WaymarkError} `VAL_FAILED` with every parameter at fault
 */
export function checkQuery(query: URLSearchParams, schemas: QuerySchemas): void {
  const given: Record<string, string> = {};
  for (const [name, { type, ...rest }] of Object.entries(schemas)) {
    // Any text will do: it is the handler's to judge, also when it comes twice.
    if (type === 'string' && Object.keys(rest).length === 0) continue;
    const [value, ...more] = query.getAll(name);
    if (more.length > 0) throw refused([{ field: name, message: 'is given twice', code: 'once' }]);
    if (value !== undefined) given[name] = value;
  }
  const check = checkOf(schemas);
  if (!check(given)) throw refused((check.errors ?? []).map(toValidationError));
}

function checkOf(schemas: QuerySchemas): ValidateFunction {
  const known = checks.get(schemas);
  if (known) return known;
  const check = ajv.compile({ type: 'object', properties: schemas });
  checks.set(schemas, check);
  return check;
}

function refused(errors: ReturnType<typeof toValidationError>[]): WaymarkError {
  const message = errors.map(({ field, message: why }) => `${field} ${why}`).join('; ');
  return new WaymarkError('VAL_FAILED', message, { validationErrors: errors });
}
