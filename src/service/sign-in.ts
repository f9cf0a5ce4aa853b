import type { Config } from '../config/config.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { createJwks } from '../identity/jwks.ts';
import { readJwks } from '../identity/jwks-source.ts';
import { createOutsideAuthority, jwtResolver } from '../identity/jwt-authority.ts';
import { createOidcLogin } from '../identity/oidc.ts';
import { createOidcSignIn } from '../identity/oidc-sign-in.ts';
import { createTokenAuthority } from '../identity/token-authority.ts';
import { createTokenKeys } from '../identity/token-keys.ts';
import type { Storage, Surroundings } from './storage.ts';

type Opened = Pick<Storage, 'stores' | 'master'> & Surroundings;

/** Names itself where no address does; others cannot look for its keys then. */
const NAMELESS = 'urn:waymark';

/** Whose tokens are taken, and who signs our own. */
export function openTokens({ publicUrl, jwt }: Config, { stores, master, log, clock }: Opened) {
  const tokenSigners = createTokenKeys({ tokenKeys: stores.tokenKeys, master, clock });
  const issuer = publicUrl ?? NAMELESS;
  const authority = createTokenAuthority({ issuer, keys: tokenSigners, clock });
  const outside =
    jwt &&
    createOutsideAuthority({
      ...jwt,
      orgs: stores.orgs,
      clock,
      keys: createJwks({
        read: () => readJwks(jwt.keys),
        clock,
        onFailure: (error) => log.warn({ error }, 'the outside authority’s keys cannot be read'),
      }),
    });
  return { tokenSigners, authority, resolveJwt: jwtResolver(authority, outside) };
}

/** Undefined where people have no issuer to log in at. */
export function openOidc(
  { oidc }: Config,
  { stores, master, log, clock, authenticator }: Opened & { authenticator: Authenticator },
) {
  if (!oidc) return undefined;
  const onFailure = (error: unknown) => log.warn({ error }, 'a log-in by OpenID Connect failed');
  const login = createOidcLogin({ ...oidc, master, clock, onFailure });
  return { login, signIn: createOidcSignIn({ ...stores, ...oidc, authenticator, clock }) };
}
