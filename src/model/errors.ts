/** Every code that a caller can meet. `src/http/errors.ts` gives each its status. */
export type ErrorCode =
  | 'VAL_FAILED'
  | 'VAL_JSON'
  | 'VAL_TOO_LARGE'
  | 'VAL_MEDIA_TYPE'
  | 'VAL_PAGE_SIZE'
  | 'VAL_SORT_FIELD'
  | 'VAL_FILTER'
  | 'VAL_CURSOR'
  | 'VAL_RANGE'
  | 'AUTH_TOKEN_MISSING'
  | 'AUTH_TOKEN_INVALID'
  | 'AUTH_TOKEN_EXPIRED'
  | 'AUTH_TOKEN_REVOKED'
  | 'AUTH_LOGIN_FAILED'
  | 'PERM_DENIED'
  | 'PERM_CSRF'
  | 'PERM_BANNED'
  | 'RES_NOT_FOUND'
  | 'RES_METHOD'
  | 'RES_DUPLICATE'
  | 'RES_IN_USE'
  | 'RES_STATE_CONFLICT'
  | 'RES_VERSION_CONFLICT'
  | 'RES_IDEMPOTENCY_CONFLICT'
  | 'RES_UNAVAILABLE'
  | 'RES_STORAGE_FULL'
  | 'RATE_LIMITED'
  | 'REL_TAG_EXISTS'
  | 'REL_TAG_MOVED'
  | 'REL_EMPTY'
  | 'CHANGE_NOT_MERGEABLE'
  | 'REG_GATE_REFUSED'
  | 'REG_INVALID'
  | 'REG_CORRUPT'
  | 'REG_MIRROR_READ_ONLY'
  | 'UPSTREAM_REFUSED'
  | 'UPSTREAM_FAILED'
  | 'UPSTREAM_TIMEOUT'
  | 'VAL_ORG'
  | 'PLG_NOT_FOUND'
  | 'PLG_ENDPOINT_NOT_FOUND'
  | 'PLG_HANDLER_ERROR'
  | 'PLG_MANAGEMENT_ERROR'
  | 'PLG_BAD_RESPONSE'
  | 'PLG_OUT_OF_MEMORY'
  | 'PLG_BUSY'
  | 'PLG_BREAKER_OPEN'
  | 'PLG_FAILED'
  | 'PLG_RESTARTED'
  | 'PLG_TIMEOUT'
  | 'PLG_DISABLED'
  | 'PLG_MANIFEST'
  | 'PLG_MANIFEST_MISMATCH'
  | 'PLG_ID_TAKEN'
  | 'PLG_METHOD_UNSUPPORTED'
  | 'PLG_MODEL_UNAVAILABLE'
  | 'PLG_PERMISSIONS'
  | 'PLG_UNSIGNED'
  | 'PLG_INCOMPATIBLE'
  | 'PLG_SCHEMA_TIMEOUT'
  | 'PLG_CALLBACK_REFUSED'
  | 'INT_CREDENTIALS_REQUIRED'
  | 'INT_ENDPOINT_REFUSED'
  | 'INT_CAPABILITY_MISSING'
  | 'INT_UPSTREAM_FAILED'
  | 'DELIVERY_SELECTOR'
  | 'DELIVERY_KEY_REQUIRED'
  | 'DELIVERY_KEY_REFUSED'
  | 'SIGN_KEY_MISSING'
  | 'SIGN_INVALID'
  | 'SIGN_SEALED_CORRUPT';

export interface ValidationError {
  field: string;
  message: string;
  code: string;
}

/** What goes out beside code and message: never a secret, a host or a server path. */
export interface ErrorFacts {
  details?: Record<string, unknown>;
  validationErrors?: readonly ValidationError[];
}

/** A failure that the caller can act on. Anything else that is thrown is a bug. */
export class WaymarkError extends Error {
  override readonly name = 'WaymarkError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.facts = facts;
  }
}

/** A refusal that names the one field at fault. */
export function invalidField(field: string, message: string, code = 'invalid'): WaymarkError {
  return new WaymarkError('VAL_FAILED', `${field}: ${message}`, {
    validationErrors: [{ field, message, code }],
  });
}
