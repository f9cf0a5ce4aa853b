export interface PluginErrorFacts {
  /** 400 to 599: the answer's status where the plugin answers HTTP. */
  httpStatus?: number;
  details?: Readonly<Record<string, unknown>>;
  isRetryable?: boolean;
}

/**
 * A failure that the caller may read. Whatever else a plugin throws is its bug: the caller is told
 * that there was one, and the words are logged alone.
 */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly code: string;
  readonly http_status?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryable?: boolean;

  constructor(code: string, message: string, facts: PluginErrorFacts = {}) {
    super(message);
    const { httpStatus, details, isRetryable } = facts;
    this.code = code;
    if (httpStatus !== undefined) this.http_status = httpStatus;
    if (details !== undefined) this.details = details;
    if (isRetryable !== undefined) this.retryable = isRetryable;
  }
}
