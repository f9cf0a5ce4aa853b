import type { ServerResponse } from 'node:http';
import { toTime } from '../model/clock.ts';
import type { ErrorCode, ErrorFacts } from '../model/errors.ts';

/** One page of a list that is counted. */
export interface Pagination {
  page: number;
  pageSize: number;
  totalItems: number;
  totalPages: number;
  hasNext: boolean;
  hasPrevious: boolean;
}

export interface Failure extends ErrorFacts {
  code: ErrorCode | 'INTERNAL';
  message: string;
}

/** The body of every success under `/api/v1`. */
export const success = (response: ServerResponse, data: unknown, pagination?: Pagination) => ({
  success: true,
  data,
  meta: { ...(pagination ? { pagination } : {}), ...metaOf(requestIdIn(response)) },
});

/** The body of every refusal, anywhere. */
export const failure = (response: ServerResponse, error: Failure) =>
  failureOf(error, requestIdIn(response));

/** For an answer that is written without a response object. */
export const failureOf = (error: Failure, requestId: string) => ({
  success: false,
  error,
  meta: metaOf(requestId),
});

/** The body of a refusal where a plugin may write one. */
export const pluginFailure = (
  response: ServerResponse,
  { code, message, details, validationErrors }: Failure,
) => ({
  success: false,
  error: message,
  code,
  ...(details || validationErrors
    ? { details: { ...details, ...(validationErrors && { validationErrors }) } }
    : {}),
  meta: metaOf(requestIdIn(response)),
});

const metaOf = (requestId: string) => ({ requestId, timestamp: toTime(Date.now()) });

/** Every answer's header is set before anything may refuse the request. */
export const requestIdIn = (response: ServerResponse): string =>
  String(response.getHeader('X-Request-Id') ?? '');
