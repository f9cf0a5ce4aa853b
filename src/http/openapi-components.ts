import { errorCodes } from './errors.ts';
import { flag, listOf, objectOf, text, time, whole } from './shapes.ts';

export type Json = Readonly<Record<string, unknown>>;

/** `schemas/Meta` → a reference to that component */
export const ref = (name: string): Json => ({ $ref: `#/components/${name}` });

export const jsonContent = (schema: Json, example?: unknown) => ({
  content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
});

const meta = { requestId: text, timestamp: time };

const pagination = objectOf({
  page: whole,
  pageSize: whole,
  totalItems: whole,
  totalPages: whole,
  hasNext: flag,
  hasPrevious: flag,
});

const error = objectOf(
  {
    code: { enum: errorCodes },
    message: text,
    details: { type: 'object' },
    validationErrors: listOf(objectOf({ field: text, message: text, code: text })),
  },
  ['details', 'validationErrors'],
);

const number = (description: string): Json => ({ description, schema: whole });

const headers = {
  RequestId: { description: 'The request’s own id, or a new one.', schema: text },
  RateLimit: number('Requests a minute.'),
  Remaining: number('Requests that may follow at once.'),
  Reset: number('When all may again, in Unix seconds.'),
};

/** Of every answer, whatever it is. */
const everyHeader = {
  'X-Request-Id': ref('headers/RequestId'),
  'X-RateLimit-Limit': ref('headers/RateLimit'),
  'X-RateLimit-Remaining': ref('headers/Remaining'),
  'X-RateLimit-Reset': ref('headers/Reset'),
};

const refused = (description: string) => ({
  description,
  headers: everyHeader,
  ...jsonContent(ref('schemas/Refusal'), {
    success: false,
    error: { code: 'RES_NOT_FOUND', message: 'there is no organisation acme' },
    meta: {
      requestId: '019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11',
      timestamp: '2026-11-21T06:53:57.831Z',
    },
  }),
});

export const components = {
  schemas: {
    Meta: objectOf(meta),
    PageMeta: objectOf({ pagination: ref('schemas/Pagination'), ...meta }),
    Pagination: pagination,
    Error: error,
    Refusal: objectOf({
      success: { const: false },
      error: ref('schemas/Error'),
      meta: ref('schemas/Meta'),
    }),
    PluginRefusal: objectOf(
      {
        success: { const: false },
        error: text,
        code: { enum: errorCodes },
        details: { type: 'object' },
        meta: ref('schemas/Meta'),
      },
      ['details'],
    ),
  },
  responses: {
    Refusal: refused('The request is refused; `code` says why.'),
    PluginRefusal: {
      description:
        'The server refuses, with `X-Waymark-Error`; or the plugin, in words of its own.',
      headers: everyHeader,
      ...jsonContent({ anyOf: [ref('schemas/PluginRefusal'), {}] }),
    },
    Fault: refused('The server cannot answer now; see `Retry-After`.'),
  },
  headers,
  parameters: {
    Page: {
      name: 'page',
      in: 'query',
      description: 'From 1.',
      schema: { type: 'integer', minimum: 1, default: 1 },
    },
    PageSize: {
      name: 'pageSize',
      in: 'query',
      schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    },
    Org: {
      name: 'X-Waymark-Org',
      in: 'header',
      description: 'Which organisation, from whoever acts in several.',
      schema: text,
    },
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'Whoever repeats it within a day gets the first answer again.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      description: 'The version that was read, in quotes.',
      schema: text,
    },
  },
  securitySchemes: {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      description: 'An API key, a client’s token or a JWT.',
    },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    management: { type: 'apiKey', in: 'header', name: 'X-Management-Key' },
    session: { type: 'apiKey', in: 'cookie', name: '__Host-waymark' },
    basic: { type: 'http', scheme: 'basic', description: 'With the key as the password.' },
  },
};
