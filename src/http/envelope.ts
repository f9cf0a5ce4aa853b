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
  meta: { ...(pagination ? { pagination } : {}), ...metaOf(response) },
});

/** The body of every refusal, anywhere. */
export const failure = (response: ServerResponse, error: Failure) => ({
  success: false,
  error,
  meta: metaOf(response),
});

function metaOf(response: ServerResponse): { requestId: string; timestamp: string } {
  const requestId = String(response.getHeader('X-Request-Id') ?? '');
  return { requestId, timestamp: toTime(Date.now()) };
}
