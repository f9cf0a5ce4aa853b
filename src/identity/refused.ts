import { type ErrorCode, WaymarkError } from '../model/errors.ts';

const reasons = {
  AUTH_TOKEN_INVALID: 'the credential is not known here',
  AUTH_TOKEN_EXPIRED: 'the credential has expired: ask for a new one',
  AUTH_TOKEN_REVOKED: 'the credential was revoked: ask for a new one',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** A credential that is not accepted. */
export const refused = (
  code: keyof typeof reasons,
  message: string = reasons[code],
): WaymarkError => new WaymarkError(code, message);
