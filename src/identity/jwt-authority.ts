import type { JWTVerifyGetKey } from 'jose';
import type { Clock } from '../model/clock.ts';
import { invalidToken, issuerOf, verifyJwt } from './jwt.ts';
import { type ClaimNames, callerOfClaims } from './jwt-caller.ts';
import type { OrgStore } from './org.ts';
import type { Resolved, ResolveJwt } from './resolve-token.ts';
import type { TokenAuthority } from './token-authority.ts';

/** An issuer of tokens outside, that the operator trusts with who its people are. */
export interface OutsideAuthority {
  issuer: string;
  /** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `RES_UNAVAILABLE` */
  resolve(token: string): Promise<Resolved>;
}

interface Deps {
  issuer: string;
  audience: string;
  keys: JWTVerifyGetKey;
  claims: ClaimNames;
  orgs: Pick<OrgStore, 'find'>;
  clock: Clock;
}

/** An identity token has `JWT` too, or nothing: such issuers are told apart by the audience. */
const TYPES = ['', 'jwt', 'at+jwt'];

export function createOutsideAuthority({ claims: names, orgs, ...deps }: Deps): OutsideAuthority {
  return {
    issuer: deps.issuer,
    async resolve(token) {
      const claims = await verifyJwt(token, { ...deps, types: TYPES });
      const caller = callerOfClaims(claims, names);
      const org = await orgs.find(caller.org);
      if (org?.state !== 'active') throw invalidToken();
      return { caller, basis: [], expiresAtMs: claims.exp * 1000 };
    },
  };
}

/** By the issuer that a token names, which its signature must then bear out. */
export function jwtResolver(own: TokenAuthority, outside: OutsideAuthority | null): ResolveJwt {
  return async (token, ofKey) => {
    const issuer = issuerOf(token);
    if (issuer === own.issuer) return own.resolve(token, ofKey);
    if (outside && issuer === outside.issuer) return outside.resolve(token);
    throw invalidToken();
  };
}
