/** What a built-in throws for its caller to read: `code` and `message` are the wire's. */
export interface Fault extends Error {
  code: string;
  retryable: boolean;
  details: Readonly<Record<string, unknown>>;
}

const fault = (code: string, message: string, details: Fault['details'] = {}, retryable = false) =>
  Object.assign(new Error(message), { code, retryable, details });

/** The other side did not do what was asked. `details.status` is its answer's, if one came. */
export const upstreamFailed = (
  message: string,
  details: Fault['details'] = {},
  retryable = false,
): Fault => fault('INT_UPSTREAM_FAILED', message, details, retryable);

/** By an answer that is no success. */
export const upstreamAnswered = (message: string, status: number): Fault =>
  upstreamFailed(message, { status }, isPassing(status));

/** Whether the same may well succeed later. */
export const isPassing = (status: number): boolean =>
  status === 408 || status === 429 || status >= 500;

export const capabilityMissing = (message: string): Fault =>
  fault('INT_CAPABILITY_MISSING', message);

export const credentialsRequired = (field: string): Fault =>
  fault('INT_CREDENTIALS_REQUIRED', `${field}: give it among the credentials`, { field });

/** What the host told a callback, or a built-in its caller; undefined of a bug. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
