/** What a built-in throws for its caller to read: `code` and `message` are the wire's. */
export interface Fault extends Error {
  code: string;
  retryable: boolean;
  details: Readonly<Record<string, unknown>>;
}

/** The other side did not do what was asked. @param status of its answer; none came without one */
export function upstreamFailed(message: string, status?: number, retryable = false): Fault {
  const details = status === undefined ? {} : { status };
  return Object.assign(new Error(message), { code: 'INT_UPSTREAM_FAILED', retryable, details });
}

/** Whether the same may well succeed later. */
export const isPassing = (status: number): boolean =>
  status === 408 || status === 429 || status >= 500;

export function capabilityMissing(message: string): Fault {
  const details = {};
  const code = 'INT_CAPABILITY_MISSING';
  return Object.assign(new Error(message), { code, retryable: false, details });
}

/** What the host told a callback, or a built-in its caller; undefined of a bug. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
