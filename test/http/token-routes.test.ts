import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose';
import { allowInsecureRequests, Configuration, clientCredentialsGrant } from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { openService, type TestService } from '../support/service.ts';

interface Issued {
  access_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
}

interface MadeKey {
  id: string;
  key: string;
}

const TOKEN = '/api/v1/auth/token';
const grant = { grant_type: 'client_credentials' };
const anyAnswer = '/api/v1/components/sales/versions';

let service: TestService;
let viewer: MadeKey;

beforeAll(async () => {
  service = await openService(undefined, { WAYMARK_EXAMPLE_ORG: 'acme' });
  viewer = await makeKey(['viewer']);
});

afterAll(() => service.close());

async function makeKey(roles: string[]): Promise<MadeKey> {
  const answer = await ask<{ data: MadeKey }>(`${service.url}/api/v1/api-keys`, {
    token: service.admin,
    headers: { 'x-waymark-org': 'acme' },
    body: { name: 'ci', roles },
  });
  expect(answer.status).toBe(201);
  return answer.body.data;
}

const post = <T = Issued>(body: unknown, headers: Record<string, string> = {}) =>
  ask<T>(service.url + TOKEN, { body, headers });

const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  post(new URLSearchParams(fields).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    ...headers,
  });

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

const get = (token: string, path = anyAnswer) => ask<Refused>(service.url + path, { token });

describe('POST /auth/token', () => {
  it('answers as OAuth’s clients expect it, and nothing keeps the answer', async () => {
    const answer = await form(grant, basic('ci', viewer.key));

    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 900,
      scope: expect.stringContaining('delivery:read'),
    });
  });

  it.each<[string, () => ReturnType<typeof form>]>([
    ['as Bearer', () => post(grant, { authorization: `Bearer ${viewer.key}` })],
    ['as X-API-Key', () => post(grant, { 'x-api-key': viewer.key })],
    ['as the password of Basic', () => post(grant, basic('any', viewer.key))],
    ['as client_secret in JSON', () => post({ ...grant, client_secret: viewer.key })],
    ['as client_secret in a form', () => form({ ...grant, client_secret: viewer.key })],
    [
      'twice the same, beside a name',
      () => form({ ...grant, client_id: 'ci', client_secret: viewer.key }, basic('ci', viewer.key)),
    ],
  ])('takes the key %s', async (_how, send) => {
    const { status, body } = await send();

    expect(status).toBe(200);
    expect(decodeJwt(body.access_token).sub).toBe(`key:${viewer.id}`);
  });

  it('serves a client that knows OAuth and nothing of us', async () => {
    const metadata = {
      issuer: 'urn:waymark',
      token_endpoint: service.url + TOKEN,
      jwks_uri: `${service.url}/.well-known/jwks.json`,
    };
    const client = new Configuration(metadata, 'ci', viewer.key);
    allowInsecureRequests(client);

    const { access_token } = await clientCredentialsGrant(client, { scope: 'releases:read' });

    expect((await get(access_token)).status).toBe(200);
  });

  it.each<[string, string, number, () => ReturnType<typeof post<Refused>>]>([
    ['no key', 'AUTH_TOKEN_MISSING', 401, () => post(grant)],
    [
      'a wrong one',
      'AUTH_TOKEN_INVALID',
      401,
      () => post({ ...grant, client_secret: `${viewer.key.slice(0, -4)}AAAA` }),
    ],
    [
      'two that differ',
      'AUTH_TOKEN_INVALID',
      401,
      () => post({ ...grant, client_secret: 'x'.repeat(40) }, { 'x-api-key': viewer.key }),
    ],
    [
      'a right one that is unlike the one in the body',
      'AUTH_TOKEN_INVALID',
      401,
      () => post({ ...grant, client_secret: service.admin }, { 'x-api-key': viewer.key }),
    ],
    [
      'another grant',
      'VAL_FAILED',
      400,
      () => post({ grant_type: 'password' }, { 'x-api-key': viewer.key }),
    ],
    ['no grant', 'VAL_FAILED', 400, () => post({}, { 'x-api-key': viewer.key })],
    [
      'two grants in a form',
      'VAL_FAILED',
      400,
      () =>
        post('grant_type=client_credentials&grant_type=password', {
          'content-type': 'application/x-www-form-urlencoded',
          'x-api-key': viewer.key,
        }),
    ],
    [
      'text',
      'VAL_MEDIA_TYPE',
      415,
      () => post('grant', { 'content-type': 'text/plain', 'x-api-key': viewer.key }),
    ],
    [
      'more than the key may',
      'PERM_DENIED',
      403,
      () => post({ ...grant, scope: 'keys:rotate' }, { 'x-api-key': viewer.key }),
    ],
    [
      'a scope of nothing',
      'VAL_FAILED',
      400,
      () => post({ ...grant, scope: '' }, { 'x-api-key': viewer.key }),
    ],
  ])('with %s is %s', async (_what, code, status, send) => {
    const answer = await send();

    expect({ status: answer.status, code: answer.body.error.code }).toEqual({ status, code });
  });

  it('gives a token for a key alone: none renews itself', async () => {
    const { body } = await post(grant, { 'x-api-key': viewer.key });

    const again = await post<Refused>(grant, { authorization: `Bearer ${body.access_token}` });

    expect(again.status).toBe(403);
    expect(again.body.error.code).toBe('PERM_DENIED');
  });
});

describe('a token of this site', () => {
  const tokenFor = async (key: string, scope?: string): Promise<string> => {
    const { body } = await post({ ...grant, ...(scope ? { scope } : {}) }, { 'x-api-key': key });
    return body.access_token;
  };

  it('does what its key may do', async () => {
    const token = await tokenFor(viewer.key);

    expect((await get(token)).status).toBe(200);
    expect((await get(token, '/api/v1/api-keys')).status).toBe(403);
  });

  it('does no more than its scope', async () => {
    const token = await tokenFor(viewer.key, 'delivery:read');

    const refused = await get(token);

    expect(refused.status).toBe(403);
    expect(refused.body.error.details).toEqual({ permission: 'releases:read' });
  });

  it('sees no other organisation', async () => {
    await ask(`${service.url}/api/v1/orgs`, { token: service.admin, body: { slug: 'globex' } });
    const token = await tokenFor(viewer.key);

    expect((await get(token, '/v1/orgs/globex/delivery/index')).status).toBe(404);
  });

  it('administers the site, when its key does', async () => {
    expect((await get(await tokenFor(service.admin), '/api/v1/orgs')).status).toBe(200);
  });

  it('ends with its key, at once', async () => {
    const { id, key } = await makeKey(['viewer']);
    const token = await tokenFor(key);
    expect((await get(token)).status).toBe(200);

    await ask(`${service.url}/api/v1/api-keys/${id}`, {
      method: 'DELETE',
      token: service.admin,
      headers: { 'x-waymark-org': 'acme' },
    });

    const refused = await get(token);
    expect(refused.status).toBe(401);
    expect(refused.body.error.code).toBe('AUTH_TOKEN_REVOKED');
  });

  it.each<[string, () => Promise<string> | string]>([
    ['that nobody signed', () => new UnsecuredJWT(claims()).encode()],
    ['that was signed by a secret', () => signed(claims())],
    ['of an issuer that is not known', () => signed({ ...claims(), iss: 'https://evil.example' })],
    ['that was cut off', async () => (await tokenFor(viewer.key)).slice(0, -10)],
    ['of one part', () => 'eyJhbGciOiJub25lIn0'],
    ['of 12 KB', () => `eyJ${'x'.repeat(12_000)}.eyJ.x`],
  ])('%s is refused', async (_what, forge) => {
    const refused = await get(await forge());

    expect(refused.status).toBe(401);
    expect(refused.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });

  it('of 20 KB does not fit into a request’s headers', async () => {
    expect((await get(`eyJ${'x'.repeat(20_000)}.eyJ.x`)).status).toBe(431);
  });

  const claims = () => ({
    iss: 'urn:waymark',
    aud: 'urn:waymark',
    sub: `key:${viewer.id}`,
    exp: Math.floor(Date.now() / 1000) + 60,
  });

  const signed = (payload: ReturnType<typeof claims>) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .sign(new TextEncoder().encode('a public key, as if it were a secret'));
});

describe('GET /.well-known/jwks.json', () => {
  it('has public keys, for anybody', async () => {
    await post(grant, { 'x-api-key': viewer.key });

    const answer = await ask<{ keys: object[] }>(`${service.url}/.well-known/jwks.json`);

    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60');
    expect(answer.body.keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
        kid: expect.any(String),
        alg: 'ES256',
        use: 'sig',
      },
    ]);
  });
});
