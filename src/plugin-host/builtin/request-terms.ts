import { setTimeout } from 'node:timers/promises';
import { codeOf, isPassing } from './fault.ts';
import type { HttpClient } from './http-client.ts';

/** How an integration's requests are made, by its configuration. */
export interface RequestTerms {
  timeoutSec?: number;
  /** Sent along; they replace none of the request's own. */
  customHeaders?: Readonly<Record<string, string>>;
  retryPolicy?: RetryPolicy;
}

export interface RetryPolicy {
  /** The first try included. */
  maxAttempts: number;
  backoff: 'fixed' | 'exponential';
  delaySec: number;
  maxDelaySec: number;
}

type Pause = (delayMs: number) => Promise<unknown>;

/** Sent twice, these are as sent once. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const PASSING_REASONS: ReadonlySet<unknown> = new Set(['UNRESOLVED', 'FAILED']);

/** Ends with the call that it is for, since its requests do. */
export const underTerms =
  (
    send: HttpClient,
    { timeoutSec, customHeaders, retryPolicy }: RequestTerms,
    pause: Pause = (delayMs) => setTimeout(delayMs, undefined, { ref: false }),
  ): HttpClient =>
  async (request) => {
    const headers = { ...lowerCase(customHeaders), ...lowerCase(request.headers) };
    const whole = { ...request, headers, ...(timeoutSec !== undefined && { timeoutSec }) };
    const isRepeatable = REPEATABLE.has((request.method ?? 'GET').toUpperCase());
    const policy = isRepeatable ? retryPolicy : undefined;
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= (policy?.maxAttempts ?? 1);
      try {
        const answer = await send(whole);
        if (isLast || !isPassing(answer.status)) return answer;
      } catch (error) {
        if (isLast || !mayPass(error)) throw error;
      }
      await pause(delayMsOf(policy!, attempt));
    }
  };

function delayMsOf({ backoff, delaySec, maxDelaySec }: RetryPolicy, attempt: number): number {
  const growth = backoff === 'exponential' ? 2 ** (attempt - 1) : 1;
  return Math.min(delaySec * growth, maxDelaySec) * 1000;
}

function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== 'UPSTREAM_FAILED') return code === 'UPSTREAM_TIMEOUT';
  const { details } = error as { details?: Readonly<Record<string, unknown>> };
  return PASSING_REASONS.has(details?.['reason']);
}

export const lowerCase = (headers: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
