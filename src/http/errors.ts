import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { gitFault } from '../git/git-fault.ts';
import { type ErrorCode, WaymarkError } from '../model/errors.ts';
import { inertJson } from '../plugin-host/contract/http-message.ts';
import { type Failure, failure, pluginFailure, requestIdIn } from './envelope.ts';
import { isManagement, isPluginPlace } from './plugin-place.ts';

// A new code does not compile until it has a status here.
const statusByCode = {
  VAL_FAILED: 400,
  VAL_JSON: 400,
  VAL_TOO_LARGE: 413,
  VAL_MEDIA_TYPE: 415,
  VAL_PAGE_SIZE: 400,
  VAL_SORT_FIELD: 400,
  VAL_FILTER: 400,
  VAL_CURSOR: 400,
  VAL_RANGE: 416,
  AUTH_TOKEN_MISSING: 401,
  AUTH_TOKEN_INVALID: 401,
  AUTH_TOKEN_EXPIRED: 401,
  AUTH_TOKEN_REVOKED: 401,
  AUTH_LOGIN_FAILED: 401,
  PERM_DENIED: 403,
  PERM_CSRF: 403,
  PERM_BANNED: 403,
  RES_NOT_FOUND: 404,
  RES_METHOD: 405,
  RES_DUPLICATE: 409,
  RES_IN_USE: 409,
  RES_STATE_CONFLICT: 409,
  RES_VERSION_CONFLICT: 409,
  RES_IDEMPOTENCY_CONFLICT: 409,
  RES_UNAVAILABLE: 503,
  RES_STORAGE_FULL: 507,
  RATE_LIMITED: 429,
  REL_TAG_EXISTS: 409,
  REL_TAG_MOVED: 409,
  REL_EMPTY: 422,
  CHANGE_NOT_MERGEABLE: 422,
  REG_GATE_REFUSED: 422,
  REG_INVALID: 422,
  REG_CORRUPT: 503,
  REG_MIRROR_READ_ONLY: 422,
  UPSTREAM_REFUSED: 422,
  UPSTREAM_FAILED: 502,
  UPSTREAM_TIMEOUT: 504,
  VAL_ORG: 400,
  PLG_NOT_FOUND: 404,
  PLG_ENDPOINT_NOT_FOUND: 404,
  PLG_HANDLER_ERROR: 500,
  PLG_MANAGEMENT_ERROR: 502,
  PLG_BAD_RESPONSE: 502,
  PLG_OUT_OF_MEMORY: 502,
  PLG_BUSY: 503,
  PLG_BREAKER_OPEN: 503,
  PLG_FAILED: 503,
  PLG_RESTARTED: 503,
  PLG_TIMEOUT: 504,
  PLG_DISABLED: 422,
  PLG_MANIFEST: 422,
  PLG_MANIFEST_MISMATCH: 422,
  PLG_ID_TAKEN: 422,
  PLG_METHOD_UNSUPPORTED: 422,
  PLG_MODEL_UNAVAILABLE: 422,
  PLG_PERMISSIONS: 422,
  PLG_UNSIGNED: 422,
  PLG_INCOMPATIBLE: 422,
  PLG_SCHEMA_TIMEOUT: 422,
  PLG_CALLBACK_REFUSED: 422,
  INT_CREDENTIALS_REQUIRED: 422,
  INT_ENDPOINT_REFUSED: 422,
  INT_CAPABILITY_MISSING: 422,
  INT_UPSTREAM_FAILED: 422,
  DELIVERY_SELECTOR: 400,
  DELIVERY_KEY_REQUIRED: 403,
  DELIVERY_KEY_REFUSED: 400,
  SIGN_KEY_MISSING: 409,
  SIGN_INVALID: 422,
  SIGN_SEALED_CORRUPT: 503,
} as const satisfies Record<ErrorCode, number>;

export const errorCodes: readonly string[] = [...Object.keys(statusByCode), 'INTERNAL'];

export const statusOf = (code: ErrorCode): number => statusByCode[code];

const RETRY_AFTER_SEC = 5;

export type LogError = (error: unknown, requestId: string) => void;

/** Answers what a handler threw; as the app's last handler, and by the hot path. */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  log: LogError,
): void {
  const known = error instanceof WaymarkError ? error : (gitFault(error) ?? parserError(error));
  const status = known ? statusOf(known.code) : 500;
  if (status >= 500) log(error, requestIdIn(response));
  // Half an answer cannot be taken back: cut it off, so that nobody takes it for whole.
  if (response.headersSent) return void response.destroy();
  if (status === 503) response.setHeader('Retry-After', RETRY_AFTER_SEC);
  const waitSec = known?.facts.details?.['retryAfterSec'];
  if (typeof waitSec === 'number') response.setHeader('Retry-After', waitSec);
  if (status === 401) response.setHeader('WWW-Authenticate', challengeFor(request));
  sendFailure(response, status, known ? shownOf(known) : INTERNAL);
}

export function sendFailure(response: ServerResponse, status: number, error: Failure): void {
  const body = bodyOf(response, error);
  // A handler may have said what its success would have been.
  for (const name of [
    'ETag',
    'Content-Encoding',
    'Content-Range',
    'Accept-Ranges',
    'Last-Modified',
  ]) {
    response.removeHeader(name);
  }
  if (error.code === 'VAL_RANGE') {
    response.setHeader('Content-Range', `bytes */${Number(error.details?.['size'])}`);
  }
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** In one form where a plugin may write the body, in the other anywhere else. */
function bodyOf(response: ServerResponse, error: Failure): Buffer {
  const { url, originalUrl = url } = response.req as IncomingMessage & { originalUrl?: string };
  if (!isPluginPlace(originalUrl)) return Buffer.from(JSON.stringify(failure(response, error)));
  response.setHeader('X-Waymark-Error', error.code);
  const body = Buffer.from(JSON.stringify(pluginFailure(response, error)));
  return isManagement(originalUrl) ? inertJson(body) : body;
}

export function sendError(log: LogError): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error, request, response, _next) => answerError(request, response, error, log);
}

const shownOf = ({ code, message, facts }: WaymarkError): Failure => ({
  code,
  message,
  ...facts,
});

// A bug's message may name hosts, paths or keys: it belongs in the log alone.
const INTERNAL: Failure = { code: 'INTERNAL', message: 'internal error' };

/** Git asks for a password only when it is offered the Basic scheme. */
const challengeFor = ({ url = '' }: IncomingMessage): string =>
  url.startsWith('/git/') ? 'Basic realm="Waymark", charset="UTF-8"' : 'Bearer realm="Waymark"';

/** What Express and its body parser throw, in our own words. */
function parserError(error: unknown): WaymarkError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { type = '', status = 0 } = error as { type?: string; status?: number };
  const [code, message] = parserFaults[type] ?? MALFORMED;
  const isCallersFault = status >= 400 && status < 500;
  return isCallersFault ? new WaymarkError(code, message, {}, { cause: error }) : undefined;
}

const MALFORMED: [ErrorCode, string] = [
  'VAL_FAILED',
  'the request is malformed: check its path and its length',
];
const parserFaults: Record<string, [ErrorCode, string]> = {
  'entity.too.large': ['VAL_TOO_LARGE', 'the body is larger than 1 MiB'],
  'entity.parse.failed': ['VAL_JSON', 'the body is not well-formed JSON'],
  'encoding.unsupported': [
    'VAL_MEDIA_TYPE',
    'the content encoding must be gzip, deflate, br or none',
  ],
  'charset.unsupported': ['VAL_MEDIA_TYPE', 'the body must be in UTF-8'],
};
