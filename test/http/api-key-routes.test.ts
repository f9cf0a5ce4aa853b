import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiKeyRoutes } from '../../src/http/api-key-routes.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';

interface Made {
  data: { id: string; key: string; org: string | null };
}
interface Listed {
  data: { id: string; name: string }[];
}

const path = '/api/v1/api-keys';

let app: TestApp;
let admin: string;
let siteAdmin: string;

beforeEach(async () => {
  app = await serveApp({
    at: '/api/v1',
    rows: ({ apiKeys }, authenticator) => apiKeyRoutes({ apiKeys, authenticator, clock: Date.now }),
  });
  admin = await app.keyOf('admin');
  siteAdmin = await app.keyOf('owner', null);
});

afterEach(() => app.close());

const make = (token: string, body: object = {}, headers: Record<string, string> = {}) =>
  app.ask<Made>(path, { token, headers, body: { name: 'ci', roles: ['viewer'], ...body } });

describe('POST /api/v1/api-keys', () => {
  it('makes a key that works', async () => {
    const { status, body, headers } = await make(admin, { roles: ['admin'] });

    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${path}/${body.data.id}`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await app.ask(path, { token: body.data.key })).status).toBe(200);
  });

  it('makes it in the org that a site admin names', async () => {
    const { body } = await make(siteAdmin, {}, { 'x-waymark-org': 'globex' });

    expect(body.data.org).toBe('globex');
  });

  it('makes one of the site for a site admin who names it', async () => {
    const { body } = await make(siteAdmin, { roles: ['owner'] }, { 'x-waymark-org': '*' });

    expect(body.data.org).toBeNull();
  });

  it.each([
    [{ roles: [] }, 'roles'],
    [{ roles: ['king'] }, 'roles.0'],
    [{ roles: ['viewer', 'viewer'] }, 'roles'],
    [{ name: '' }, 'name'],
    [{ teams: 'sales' }, 'teams'],
    [{ expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ org: null }, 'org'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await make(admin, body);

    expect(answer.status).toBe(400);
    expect((answer.body as unknown as Refused).error.validationErrors).toMatchObject([{ field }]);
  });

  it('is 403 for who may not', async () => {
    expect((await make(await app.keyOf('publisher'))).status).toBe(403);
  });
});

describe('GET /api/v1/api-keys', () => {
  it('lists the org’s keys without what could be tried out', async () => {
    await make(admin, { name: 'nightly' });
    await make(siteAdmin, { name: 'theirs' }, { 'x-waymark-org': 'globex' });

    const answer = await app.ask<Listed>(path, { token: admin });

    const names = answer.body.data.map(({ name }) => name);
    expect(names).toContain('nightly');
    expect(names).not.toContain('theirs');
    expect(answer.text).not.toMatch(/secret|hash|wmk_/i);
  });
});

describe('DELETE /api/v1/api-keys/:id', () => {
  const revoke = (id: string, token = admin) =>
    app.ask<Refused>(`${path}/${id}`, { method: 'DELETE', token });

  it('ends a key at once, though it was in use a moment ago', async () => {
    const { id, key } = (await make(admin, { roles: ['admin'] })).body.data;
    expect((await app.ask(path, { token: key })).status).toBe(200);

    const answer = await revoke(id);

    expect(answer.status).toBe(204);
    const refused = await app.ask<Refused>(path, { token: key });
    expect(refused.status).toBe(401);
    expect(refused.body.error.code).toBe('AUTH_TOKEN_REVOKED');
  });

  it('answers for another org’s key as for one that is nowhere', async () => {
    const { id } = (await make(siteAdmin, {}, { 'x-waymark-org': 'globex' })).body.data;
    const nobody = '0123456789abcdef';

    const [foreign, unknown] = [await revoke(id), await revoke(nobody)];

    expect(foreign.status).toBe(404);
    expect(foreign.body.error.message.replace(id, nobody)).toBe(unknown.body.error.message);
  });
});
