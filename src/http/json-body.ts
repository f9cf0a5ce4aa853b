import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import express, { type Request, type Response } from 'express';
import { invalidField, type ValidationError, WaymarkError } from '../model/errors.ts';
import { sentenceOf } from './patterns.ts';

/** What a route takes: the schema that it is checked with and described by. */
export interface BodySchema<T> {
  schema: Record<string, unknown>;
  /** What it may be sent as; JSON alone when left out. */
  contentTypes?: readonly string[];
  /** Where it is not JSON alone. */
  read?: (request: Request, response: Response) => Promise<unknown>;
  /** @throws {WaymarkError} `VAL_FAILED` with every field at fault */
  parse(body: unknown): T;
}

const LIMIT = '1mb'; // of 1,048,576 bytes
const MOST_ERRORS = 50;
/** Below what a registry's document may nest, with room for what is around it. */
const DEEPEST = 100;

const ajv = new Ajv2020({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  discriminator: true,
});
// @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
addFormats(ajv, ['date-time']);

/**
 * No body is the same as an empty one.
 *
 * @param schema JSON Schema 2020-12 of an object whose shape is `T`
 */
export function jsonBody<T>(schema: Record<string, unknown>): BodySchema<T> {
  // Compiled by the first body: all of them at the start take as long as all else of it.
  let compiled: ValidateFunction<T> | undefined;
  return {
    schema,
    parse(body = {}) {
      checkTexts(body, []);
      compiled ??= ajv.compile<T>(schema);
      const validate = compiled;
      if (validate(body)) return body;
      const errors = (validate.errors ?? []).slice(0, MOST_ERRORS).map(toValidationError);
      const message = errors.map(({ field, message: why }) => `${field} ${why}`.trim()).join('; ');
      throw new WaymarkError('VAL_FAILED', message, { validationErrors: errors });
    },
  };
}

const parseJson = express.json({ limit: LIMIT, strict: false });

/** The body as JSON; undefined when the request has none. */
export async function readJson(request: Request, response: Response): Promise<unknown> {
  // As `fetch` says of none; `is` takes it for a body without a type.
  if (request.headers['content-length'] === '0') return undefined;
  // `is` answers null where there is no body to have a type.
  if (request.is('json') === false) {
    throw new WaymarkError('VAL_MEDIA_TYPE', 'the content type must be application/json');
  }
  await new Promise<void>((resolve, reject) => {
    parseJson(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
  return request.body as unknown;
}

/**
 * PostgreSQL stores no NUL, and half a surrogate pair has no form in UTF-8. A body of brackets
 * alone nests half a million deep, which no stack is made for.
 *
 * @throws {WaymarkError} `VAL_FAILED`
 */
function checkTexts(value: unknown, path: readonly string[]): void {
  if (typeof value === 'string') {
    if (!value.includes('\0') && value.isWellFormed()) return;
    throw invalidField(path.join('.') || 'body', 'has a character that is no text', 'text');
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length > DEEPEST) throw invalidField('body', `nests more than ${DEEPEST} deep`, 'depth');
  for (const [name, part] of Object.entries(value)) {
    checkTexts(name, path);
    checkTexts(part, [...path, name]);
  }
}

/** `/roles/0` → `roles.0`; a key that is missing or unknown is named as if it were there. */
export function toValidationError(error: ErrorObject): ValidationError {
  const { missingProperty, additionalProperty } = error.params as {
    missingProperty?: string;
    additionalProperty?: string;
  };
  const path = error.instancePath.slice(1).split('/').filter(Boolean).map(unescapePointer);
  const field = [...path, missingProperty ?? additionalProperty ?? []].flat().join('.');
  return { field: field || 'body', code: error.keyword, message: messageOf(error) };
}

function messageOf({ keyword, params, message = 'is wrong' }: ErrorObject): string {
  const { allowedValues, pattern } = params as { allowedValues?: unknown[]; pattern?: string };
  if (keyword === 'required') return 'is missing';
  if (keyword === 'additionalProperties') return 'is not known here';
  if (keyword === 'format') return 'must be a time, such as 2026-11-21T06:53:57Z';
  if (allowedValues) return `must be one of ${allowedValues.join(', ')}`;
  return (pattern !== undefined && sentenceOf(pattern)) || message;
}

const unescapePointer = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');
