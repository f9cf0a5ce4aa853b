import type { Config } from '../config/config.ts';
import { createJwks } from '../identity/jwks.ts';
import { readJwks } from '../identity/jwks-source.ts';
import { createOutsideAuthority, jwtResolver } from '../identity/jwt-authority.ts';
import { createOidcLogin } from '../identity/oidc.ts';
import { createTokenAuthority } from '../identity/token-authority.ts';
import { createTokenKeys } from '../identity/token-keys.ts';
import type { Storage, Surroundings } from './storage.ts';

/** Names itself where no address does; others cannot look for its keys then. */
const NAMELESS = 'urn:waymark';

/** Whose tokens are taken, and where people log in, as the settings say. */
export function openSignIn(
  { publicUrl, jwt, oidc }: Config,
  { stores, master, log, clock }: Pick<Storage, 'stores' | 'master'> & Surroundings,
) {
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
  const login =
    oidc &&
    createOidcLogin({
      ...oidc,
      master,
      clock,
      onFailure: (error) => log.warn({ error }, 'a log-in by OpenID Connect failed'),
    });
  return { tokenSigners, authority, resolveJwt: jwtResolver(authority, outside), login };
}
