import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

/** Whose tokens are taken, and what they must say. */
export interface Expected {
  issuer: string;
  audience: string;
  keys: JWTVerifyGetKey;
  /** The header's `typ`, lower-case and without `application/`; `''` where there is none. */
  types: readonly string[];
  clock: Clock;
}

export type Claims = JWTPayload & { exp: number };

/**
 * What a private key signs and a public one verifies. A secret key's (`HS256`)
 * would make a key of what is published, and `none` is no signature.
 */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512']
  .concat(['PS256', 'PS384', 'PS512'])
  .concat(['RS256', 'RS384', 'RS512']);

const LONGEST_TOKEN = 8192;
const CLOCK_SKEW_SEC = 30;

const FORM = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;

/** Whether it has the form of a signed JWT: no other credential has it. */
export const isJwt = (token: string): boolean => FORM.test(token);

/** The issuer that a token claims to be of; nothing is checked yet. */
export function issuerOf(token: string): string | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/**
 * The claims of a token that counts. A key in its header (`jwk`, `jku`, `x5c`) is never looked at.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `RES_UNAVAILABLE`
 */
export async function verifyJwt(
  token: string,
  { issuer, audience, keys, types, clock }: Expected,
): Promise<Claims> {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    algorithms: ALGORITHMS,
    issuer,
    audience,
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_SKEW_SEC,
    currentDate: new Date(clock()),
  }).catch((error: unknown) => {
    throw asRefusal(error);
  });
  const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? '';
  // An identity token or a logout token of the same issuer is no key to this door.
  if (!types.includes(type)) throw invalidToken();
  return payload as Claims;
}

function asRefusal(error: unknown): WaymarkError {
  if (error instanceof WaymarkError) return error;
  if (!(error instanceof errors.JWTExpired)) return invalidToken(error);
  const message = 'the token has expired: ask for a new one';
  return new WaymarkError('AUTH_TOKEN_EXPIRED', message, {}, { cause: error });
}

/** Which of its faults it was is not said: who made it knows, and nobody else should. */
export const invalidToken = (cause?: unknown): WaymarkError =>
  new WaymarkError('AUTH_TOKEN_INVALID', 'the credential is not known here', {}, { cause });
