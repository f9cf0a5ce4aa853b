import type { Request } from 'express';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { isJwt } from '../identity/jwt.ts';
import { parseToken } from '../identity/keys.ts';
import { type OrgPolicy, underPolicy } from '../identity/org-policy.ts';
import type { TokenAuthority } from '../identity/token-authority.ts';
import { WaymarkError } from '../model/errors.ts';
import { credentialOf } from './credential.ts';
import { formBody } from './form-body.ts';
import { type Route, route } from './route.ts';

interface Deps {
  authority: TokenAuthority;
  authenticator: Pick<Authenticator, 'authenticate'>;
  policyOf: (org: string) => OrgPolicy | undefined;
  publicUrl: string | null;
}

interface TokenRequest {
  grant_type: 'client_credentials';
  client_secret?: string;
  scope?: string;
}

// What else a client sends is not looked at (RFC 6749, section 3.2), `client_id` among it: a key
// names itself.
const tokenBody = formBody<TokenRequest>({
  type: 'object',
  required: ['grant_type'],
  properties: {
    grant_type: { enum: ['client_credentials'] },
    client_secret: { type: 'string', minLength: 1, maxLength: 512 },
    scope: { type: 'string', maxLength: 4096 },
  },
});

const issued = {
  type: 'object',
  required: ['access_token', 'token_type', 'expires_in', 'scope'],
  additionalProperties: false,
  properties: {
    access_token: { type: 'string' },
    token_type: { const: 'Bearer' },
    expires_in: { type: 'integer' },
    scope: { type: 'string' },
  },
};

const example = {
  access_token: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJrZXk6MDEyMyJ9.c2lnbmF0dXJl',
  token_type: 'Bearer',
  expires_in: 900,
  scope: 'delivery:read',
};

/** Outside the envelope: its clients are libraries that know OAuth and nothing of us. */
export function tokenRoutes({ authority, authenticator, policyOf, publicUrl }: Deps): Route[] {
  async function callerOf(token: string): Promise<Caller> {
    const caller = await authenticator.authenticate(token);
    const policy = caller.org === null ? undefined : policyOf(caller.org);
    return policy ? underPolicy(caller, policy) : caller;
  }

  return [
    route({
      method: 'post',
      path: '/auth/token',
      permission: 'public',
      scope: 'site',
      summary:
        'Exchange an API key for a token of 15 minutes, as OAuth’s client credentials grant.',
      body: tokenBody,
      answers: { 200: { data: issued, example } },
      async handle({ request, body: { client_secret, scope } }) {
        const caller = await callerOf(keyOf(request, client_secret, publicUrl));
        const headers = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };
        return { status: 200, headers, body: await authority.issue(caller, scope) };
      },
    }),
  ];
}

/**
 * The API key that a request has, in its headers or in its body.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_MISSING`; `AUTH_TOKEN_INVALID` for two that differ;
 * `PERM_DENIED` for another credential: a token that renews itself would outlive its quarter of
 * an hour
 */
function keyOf(request: Request, secret: string | undefined, publicUrl: string | null): string {
  const credential = credentialOf(request, publicUrl);
  const carried = credential?.kind === 'token' ? credential.token : undefined;
  const key = carried ?? secret;
  if (key === undefined) {
    throw new WaymarkError(
      'AUTH_TOKEN_MISSING',
      'send an API key, as client_secret or in a header',
    );
  }
  if (secret !== undefined && secret !== key) {
    throw new WaymarkError('AUTH_TOKEN_INVALID', 'send one credential: the two differ');
  }
  if (!isJwt(key) && parseToken(key)?.kind === 'key') return key;
  throw new WaymarkError('PERM_DENIED', 'a token is given for an API key alone');
}
