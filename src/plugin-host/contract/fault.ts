/** What a guest answered instead of a result: its words, which its author chose to be seen. */
export class PluginFault extends Error {
  override readonly name = 'PluginFault';
  readonly code: string;
  readonly isRetryable: boolean;
  /** Its own choice of status, 400 to 599; none for what it merely threw. */
  readonly httpStatus: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor({
    code,
    message,
    isRetryable = false,
    httpStatus,
    details,
  }: {
    code: string;
    message: string;
    isRetryable?: boolean;
    httpStatus?: number | undefined;
    details?: Readonly<Record<string, unknown>> | undefined;
  }) {
    super(message);
    this.code = code;
    this.isRetryable = isRetryable;
    this.httpStatus = httpStatus;
    this.details = details;
  }
}
