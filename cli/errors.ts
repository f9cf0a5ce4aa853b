/** Why a signed document, or what it describes, was refused. */
export type VerificationCode =
  | 'SIGNATURE_INVALID'
  | 'DOCUMENT_INVALID'
  | 'DOCUMENT_TOO_LARGE'
  | 'ROOT_MISMATCH'
  | 'ROOT_INVALID'
  | 'ROOT_ROLLED_BACK'
  | 'INDEX_EXPIRED'
  | 'INDEX_ROLLED_BACK'
  | 'INDEX_MISMATCH'
  | 'MANIFEST_MISMATCH'
  | 'PATH_REFUSED'
  | 'BUNDLE_REFUSED'
  | 'DIGEST_MISMATCH'
  | 'RELEASE_VANISHED'
  | 'RELEASE_MISMATCH'
  | 'AUDIT_BROKEN';

/** The server's answer cannot be trusted. Nothing was written; exit code 4. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
  readonly code: VerificationCode;

  constructor(code: VerificationCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The command was asked for in a way that cannot work; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Files of the user's stand in the way and nothing was written; exit code 3. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly files: readonly string[];

  constructor(message: string, files: readonly string[]) {
    super(message);
    this.files = files;
  }
}

/** The server answered, and it was no. Exit code 1. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal';
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(status: number, code: string, message: string, details?: unknown) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** Everything else that the user can act on, in a sentence. Exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

export const EXIT = { done: 0, failed: 1, usage: 2, conflicts: 3, unverified: 4 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof VerificationError) return EXIT.unverified;
  if (error instanceof ConflictError) return EXIT.conflicts;
  if (error instanceof UsageError) return EXIT.usage;
  return EXIT.failed;
}
