import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiKeyRoutes } from '../../src/http/api-key-routes.ts';
import { route } from '../../src/http/route.ts';
import { sessionRoutes } from '../../src/http/session-routes.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { loggingIn } from '../support/passwords.ts';
import { addPerson, type Browser, browserOf } from '../support/people.ts';
import { makeEntry, makeMember } from '../support/records.ts';

interface Made {
  data: { id: string; key: string; org: string | null };
}
interface Listed {
  data: { id: string; name: string }[];
}

const path = '/api/v1/api-keys';

const probe = route({
  method: 'get',
  path: '/probe',
  permission: 'registry:write',
  handle: async () => ({ status: 204 }),
});

let app: TestApp;
let admin: string;
let siteAdmin: string;

beforeEach(async () => {
  app = await serveApp({
    at: '/api/v1',
    rows: (stores, authenticator) => {
      const parts = { ...loggingIn(stores, Date.now), authenticator };
      const orgNames = { has: () => true, slugs: () => [] };
      return [
        ...apiKeyRoutes(parts),
        ...sessionRoutes({ ...parts, orgNames, publicUrl: null }),
        probe,
      ];
    },
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
    [{ scopes: [] }, 'scopes'],
    [{ scopes: ['everything'] }, 'scopes.0'],
    [{ scopes: ['sites:manage'] }, 'scopes.0'],
    [{ scopes: ['plugin:example'] }, 'scopes.0'],
    [{ scopes: ['plugin:*:read'] }, 'scopes.0'],
    [{ scopes: ['plugin:example:delete'] }, 'scopes.0'],
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

describe('a key with scopes', () => {
  it('does what they name of what its roles allow, and no more', async () => {
    const narrow = (await make(admin, { roles: ['editor'], scopes: ['registry:read'] })).body.data;
    const wide = (await make(admin, { roles: ['editor'], scopes: ['registry:write'] })).body.data;

    expect((await app.ask('/api/v1/probe', { token: narrow.key })).status).toBe(403);
    expect((await app.ask('/api/v1/probe', { token: wide.key })).status).toBe(204);
  });
});

describe('a person’s own key', () => {
  const request = { name: 'my laptop', roles: ['editor'] };
  const userId = 'id-of-ada';
  let browser: Browser;
  let key: string;

  beforeEach(async () => {
    await addPerson(app.stores, 'ada', { acme: ['editor'] });
    browser = await browserOf(app, 'ada');
    key = (await browser.ask<Made>(path, { body: request })).body.data.key;
  });

  const tried = async () => {
    const { status, body } = await app.ask<Refused>('/api/v1/probe', { token: key });
    return [status, body?.error.code];
  };

  it('needs no permission, and acts as the person', async () => {
    expect(await tried()).toEqual([204, undefined]);

    const { body } = await app.ask<{ data: object }>('/api/v1/session', { token: key });
    expect(body.data).toMatchObject({ user: { username: 'ada' }, org: 'acme', csrfToken: null });
  });

  it('is seen by them with their others alone', async () => {
    await make(admin, { name: 'nightly' });

    const { body } = await browser.ask<Listed>(path);

    expect(body.data.map(({ name }) => name)).toEqual(['my laptop']);
    expect((await app.ask(path, { token: key })).status).toBe(403);
  });

  it('is described to them, and another’s is not', async () => {
    const other = (await make(admin)).body.data.id;
    const [own] = (await browser.ask<Listed>(path)).body.data;

    const { status, body } = await browser.ask(`${path}/${own?.id}`);

    expect([status, (body as { data: object }).data]).toEqual([200, own]);
    expect((await browser.ask(`${path}/${other}`)).status).toBe(404);
    expect((await app.ask(`${path}/${own?.id}`, { token: key })).status).toBe(403);
  });

  it('is revoked by them, and another’s is not', async () => {
    const other = (await make(admin)).body.data.id;
    const [own] = (await browser.ask<Listed>(path)).body.data;

    expect((await browser.ask(`${path}/${other}`, { method: 'DELETE' })).status).toBe(404);
    expect((await browser.ask(`${path}/${own?.id}`, { method: 'DELETE' })).status).toBe(204);

    expect(await tried()).toEqual([401, 'AUTH_TOKEN_REVOKED']);
  });

  it('makes no further keys', async () => {
    expect((await make(key, { roles: ['viewer'] })).status).toBe(403);
  });

  it('shrinks with the roles of the person', async () => {
    const viewer = makeMember('ada', { roles: ['viewer'], version: 2 });
    await app.stores.members.replace(viewer, 1, makeEntry());
    app.authenticator.invalidate(userId);

    expect(await tried()).toEqual([403, 'PERM_DENIED']);
  });

  it('stops while the person is disabled', async () => {
    const ada = (await app.stores.users.find(userId))!;
    const disabledAt = '2026-03-01T12:00:00.000Z';
    await app.stores.users.replace({ ...ada, disabledAt, version: 2 }, 1, makeEntry());
    app.authenticator.invalidate(userId);

    expect(await tried()).toEqual([401, 'AUTH_TOKEN_REVOKED']);
  });

  it('ends with the person', async () => {
    await app.stores.users.remove(userId, '2026-03-01T12:00:00.000Z', makeEntry());
    app.authenticator.invalidate(userId);

    expect(await tried()).toEqual([401, 'AUTH_TOKEN_REVOKED']);
  });
});
