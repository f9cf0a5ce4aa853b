import type { TokenKeys } from '../identity/token-keys.ts';
import { type Route, route } from './route.ts';
import { listOf, objectOf, text } from './shapes.ts';

interface Deps {
  tokenSigners: Pick<TokenKeys, 'published'>;
}

// The private parts of a key can never stand among these.
const publicKey = objectOf({
  kty: text,
  crv: text,
  x: text,
  y: text,
  kid: text,
  alg: text,
  use: text,
});
const keySet = objectOf({ keys: listOf(publicKey) });

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
