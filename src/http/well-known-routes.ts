import type { TokenKeys } from '../identity/token-keys.ts';
import { type Route, route } from './route.ts';

interface Deps {
  tokenSigners: Pick<TokenKeys, 'published'>;
}

const text = { type: 'string' };

const publicKey = {
  type: 'object',
  required: ['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'],
  // So that no private part can ever stand among them.
  additionalProperties: false,
  properties: { kty: text, crv: text, x: text, y: text, kid: text, alg: text, use: text },
};

const keySet = {
  type: 'object',
  required: ['keys'],
  additionalProperties: false,
  properties: { keys: { type: 'array', items: publicKey } },
};

const example = {
  keys: [{ kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ', kid: 'a2lk', alg: 'ES256', use: 'sig' }],
};

/** What others look for at the root of a host. */
export function wellKnownRoutes({ tokenSigners }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/.well-known/jwks.json',
      permission: 'public',
      scope: 'site',
      summary: 'The public keys that this site’s tokens are verified by.',
      answers: { 200: { data: keySet, example } },
      async handle() {
        const headers = { 'Cache-Control': 'public, max-age=60' };
        return { status: 200, headers, body: await tokenSigners.published() };
      },
    }),
  ];
}
