import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { type JwksServer, makeSigningKey, type SigningKey, serveJwks } from '../support/jwks.ts';
import { openService, type TestService } from '../support/service.ts';

const ISSUER = 'https://id.example.com';
const versions = '/api/v1/components/sales/versions';

let key: SigningKey;
let jwks: JwksServer;
let service: TestService;

beforeAll(async () => {
  key = await makeSigningKey('ours');
  jwks = await serveJwks([key.publicJwk]);
  service = await openService(undefined, {
    WAYMARK_EXAMPLE_ORG: 'acme',
    WAYMARK_JWT_ISSUER: ISSUER,
    WAYMARK_JWT_AUDIENCE: 'waymark',
    WAYMARK_JWT_JWKS: jwks.url,
  });
  await ask(`${service.url}/api/v1/orgs`, { token: service.admin, body: { slug: 'globex' } });
});

afterAll(async () => {
  await service.close();
  await jwks.close();
});

const nowSec = () => Math.floor(Date.now() / 1000);

const claims = (part: JWTPayload = {}): JWTPayload => ({
  iss: ISSUER,
  aud: 'waymark',
  exp: nowSec() + 300,
  user_id: 'ada',
  tenant_id: 'acme',
  roles: ['viewer'],
  ...part,
});

const get = (token: string, path = versions) => ask<Refused>(service.url + path, { token });

describe('a JWT of an outside authority', () => {
  it('is a credential, of its tenant', async () => {
    const token = await key.sign(claims());

    expect((await get(token)).status).toBe(200);
    expect((await get(token, '/v1/orgs/acme/delivery/index')).status).toBe(200);
  });

  it('is one for git, beside any user', async () => {
    const password = await key.sign(claims());

    const authorization = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;
    const path = '/git/acme.git/info/refs?service=git-upload-pack';
    const answer = await ask(service.url + path, { headers: { authorization } });

    expect(answer.status).toBe(200);
  });

  it('does what its roles allow', async () => {
    const refused = await get(await key.sign(claims()), '/api/v1/members');

    expect(refused.status).toBe(403);
    expect(refused.body.error.details).toEqual({ permission: 'members:read' });
    const admin = await key.sign(claims({ roles: ['admin'] }));
    expect((await get(admin, '/api/v1/members')).status).toBe(200);
  });

  it('may do nothing with a role that is not known', async () => {
    const refused = await get(await key.sign(claims({ roles: ['emperor'] })));

    expect(refused.status).toBe(403);
    expect(refused.body.error.code).toBe('PERM_DENIED');
  });

  it('administers no site, whatever it says', async () => {
    const token = await key.sign(claims({ roles: ['owner'], permissions: ['sites:manage'] }));

    expect((await get(token, '/api/v1/orgs')).status).toBe(403);
  });

  it('enrols no client: nothing of it would end with the person', async () => {
    const token = await key.sign(claims({ roles: ['owner'] }));

    const refused = await ask<Refused>(`${service.url}/v1/orgs/acme/delivery/clients`, {
      token,
      body: { name: 'laptop' },
    });

    expect(refused.status).toBe(403);
    expect(refused.body.error.details).toEqual({ permission: 'agents:enroll' });
  });

  it('sees another tenant as one that is not there', async () => {
    const token = await key.sign(claims());

    const foreign = await get(token, '/v1/orgs/globex/delivery/index');
    const unknown = await get(token, '/v1/orgs/nowhere/delivery/index');

    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect(foreign.body.error.message.replace('globex', 'nowhere')).toBe(
      unknown.body.error.message,
    );
  });

  it('of a tenant that is not there is refused', async () => {
    const refused = await get(await key.sign(claims({ tenant_id: 'nowhere' })));

    expect(refused.status).toBe(401);
    expect(refused.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });

  it('counts until its end, also where it was seen before', async () => {
    const token = await key.sign(claims({ exp: nowSec() + 30 }));
    expect((await get(token)).status).toBe(200);

    service.advance(61_000);

    const refused = await get(token);
    expect(refused.status).toBe(401);
    expect(refused.body.error.code).toBe('AUTH_TOKEN_EXPIRED');
  });

  it('is RES_UNAVAILABLE while the authority’s keys cannot be had', async () => {
    const token = await key.sign(claims({ exp: nowSec() + 9000 }));
    jwks.answer(503, '');
    service.advance(3_600_000);

    const refused = await get(token);

    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(refused.body.error.code).toBe('RES_UNAVAILABLE');
    expect(refused.text).not.toContain('127.0.0.1');
    jwks.serve([key.publicJwk]);
    service.advance(10_000);
    expect((await get(token)).status).toBe(200);
  });
});
