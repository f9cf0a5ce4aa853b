import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOidcLogin, type OidcLogin } from '../../src/identity/oidc.ts';
import { createMasterKey } from '../../src/signing/master-key.ts';
import { makeSigningKey, type SigningKey } from '../support/jwks.ts';

const BACK = 'http://127.0.0.1:7420/api/v1/auth/oidc/callback';
const SECRET = 'a secret of forty-three characters, or so it is';

let issuer: string;
let server: Server;
let key: SigningKey;
let stranger: SigningKey;
/** What the token endpoint answers. */
let idToken: string;
let userInfo: object;
let login: OidcLogin;

beforeAll(async () => {
  key = await makeSigningKey('ours', 'RS256');
  stranger = await makeSigningKey('ours', 'RS256');
  server = createServer((request, response) => {
    const known: Record<string, object> = {
      '/.well-known/openid-configuration': metadata(),
      '/keys': { keys: [key.publicJwk] },
      '/token': { access_token: 'opaque', token_type: 'Bearer', id_token: idToken },
      '/userinfo': userInfo,
    };
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(known[request.url ?? '']));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

beforeEach(() => {
  userInfo = { sub: 'f3a1', groups: ['sales-eu'] };
  login = createOidcLogin({
    issuer,
    clientId: 'waymark',
    clientSecret: SECRET,
    groupsClaim: 'groups',
    master: createMasterKey(Buffer.alloc(32, 7)),
    clock: Date.now,
    onFailure: () => {},
  });
});

function metadata() {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/keys`,
    id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
  };
}

/** What a right identity token says, but for what an attack changes. */
function claimsFor(nonce: string, part: JWTPayload = {}): JWTPayload {
  const nowSec = Math.floor(Date.now() / 1000);
  const right = { iss: issuer, aud: 'waymark', sub: 'f3a1', iat: nowSec, exp: nowSec + 60, nonce };
  return { ...right, ...part };
}

/** Logs in at an issuer that answers with the token that `make` makes. */
async function logIn(make: (nonce: string) => Promise<string> | string) {
  const { url, kept } = await login.begin(BACK, '/');
  idToken = await make(url.searchParams.get('nonce')!);
  const state = url.searchParams.get('state')!;
  return login.complete(new URLSearchParams({ code: 'any', state }), kept);
}

describe('complete', () => {
  it('takes a right identity token, and groups from the one or the other', async () => {
    const inToken = { groups: ['field'] };

    expect((await logIn((nonce) => key.sign(claimsFor(nonce)))).groups).toEqual(['sales-eu']);
    expect((await logIn((nonce) => key.sign(claimsFor(nonce, inToken)))).groups).toEqual(['field']);
  });

  it.each<[string, (nonce: string) => Promise<string> | string]>([
    ['of another client', (nonce) => key.sign(claimsFor(nonce, { aud: 'billing' }))],
    ['given to another', (nonce) => key.sign(claimsFor(nonce, { ...both, azp: 'billing' }))],
    ['without a nonce', () => key.sign(claimsFor(undefined as unknown as string))],
    ['with the nonce of another log-in', () => key.sign(claimsFor('x'.repeat(43)))],
    ['of another issuer', (nonce) => key.sign(claimsFor(nonce, { iss: 'https://id.example.com' }))],
    ['that has expired', (nonce) => key.sign(claimsFor(nonce, { exp: 1 }))],
    ['of nobody', (nonce) => key.sign(claimsFor(nonce, { sub: undefined as unknown as string }))],
    ['signed by another', (nonce) => stranger.sign(claimsFor(nonce))],
    ['signed by nobody', (nonce) => new UnsecuredJWT(claimsFor(nonce)).encode()],
    ['signed with the client’s secret', (nonce) => signedWithSecret(claimsFor(nonce))],
    ['that is none', () => 'eyJ.eyJ.eyJ'],
  ])('refuses an identity token %s', async (_what, make) => {
    await expect(logIn(make)).rejects.toMatchObject({ code: 'AUTH_LOGIN_FAILED' });
  });

  it('refuses what is said of somebody else', async () => {
    userInfo = { sub: 'root', groups: ['administrators'] };

    await expect(logIn((nonce) => key.sign(claimsFor(nonce)))).rejects.toMatchObject({
      code: 'AUTH_LOGIN_FAILED',
    });
  });

  it('takes nothing but texts for groups', async () => {
    userInfo = { sub: 'f3a1', groups: ['field', 7, { name: 'administrators' }] };
    expect((await logIn((nonce) => key.sign(claimsFor(nonce)))).groups).toEqual(['field']);

    userInfo = { sub: 'f3a1', groups: 'administrators' };
    expect((await logIn((nonce) => key.sign(claimsFor(nonce)))).groups).toEqual([]);
  });
});

const both = { aud: ['waymark', 'billing'] };

const signedWithSecret = (claims: JWTPayload) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
