import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memberRoutes } from '../../src/http/member-routes.ts';
import { route } from '../../src/http/route.ts';
import { sessionRoutes } from '../../src/http/session-routes.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import type { Role } from '../../src/identity/roles.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { loggingIn } from '../support/passwords.ts';
import { addPerson, browserOf } from '../support/people.ts';
import { makeApiKey, makeEntry } from '../support/records.ts';

interface One {
  data: { userId: string; roles: string[]; version: number };
}

const path = '/api/v1/members';
const ada = `${path}/id-of-ada`;

let app: TestApp;
let admin: string;

beforeEach(async () => {
  app = await serveApp({
    at: '/api/v1',
    rows: (stores, authenticator) => {
      const parts = { ...loggingIn(stores, Date.now), authenticator };
      const orgNames = { has: () => true, slugs: () => [] };
      const probe = route({
        method: 'get',
        path: '/probe',
        permission: 'registry:write',
        handle: async () => ({ status: 204 }),
      });
      return [
        ...memberRoutes(parts),
        ...sessionRoutes({ ...parts, orgNames, publicUrl: null }),
        probe,
      ];
    },
  });
  admin = await app.keyOf('admin');
  await addPerson(app.stores, 'ada');
});

afterEach(() => app.close());

const put = (body: object, asked: { token?: string; headers?: Record<string, string> } = {}) =>
  app.ask<One>(ada, { method: 'PUT', token: admin, body, ...asked });
const remove = (token = admin) => app.ask(ada, { method: 'DELETE', token });

const codeOf = async (asking: Promise<{ body: unknown; status: number }>) => {
  const { status, body } = await asking;
  return [status, (body as Refused).error?.code];
};

describe('PUT /api/v1/members/:userId', () => {
  it('makes a person a member, who may act at once', async () => {
    const { ask } = await browserOf(app, 'ada');
    expect((await ask('/api/v1/probe')).status).toBe(403);

    const { status, body } = await put({ roles: ['editor'], departments: ['sales'] });

    expect(status).toBe(201);
    expect(body.data).toEqual({
      userId: 'id-of-ada',
      username: 'ada',
      displayName: 'Mx ada',
      roles: ['editor'],
      departments: ['sales'],
      createdAt: expect.any(String),
      version: 1,
    });
    expect((await ask('/api/v1/probe')).status).toBe(204);
  });

  it('changes what is named, at once', async () => {
    await put({ roles: ['editor'], departments: ['sales'] });
    const { ask } = await browserOf(app, 'ada');
    expect((await ask('/api/v1/probe')).status).toBe(204);

    const { status, body } = await put({ roles: ['viewer'] });

    expect(status).toBe(200);
    expect(body.data).toMatchObject({ roles: ['viewer'], departments: ['sales'], version: 2 });
    expect((await ask('/api/v1/probe')).status).toBe(403);
  });

  it('writes both standings into the audit log', async () => {
    await put({ roles: ['editor'] });
    await put({ roles: ['viewer'] });

    const entries = (await app.stores.audit.list('acme', 0, 50)).slice(-2);
    expect(entries).toMatchObject([
      { action: 'member.add', resource: 'id-of-ada', after: { roles: ['editor'] } },
      { action: 'member.change', before: { roles: ['editor'] }, after: { roles: ['viewer'] } },
    ]);
    expect(entries.every(({ requestId }) => requestId !== undefined)).toBe(true);
  });

  it('refuses to write over another’s change', async () => {
    await put({ roles: ['editor'] });
    await put({ roles: ['viewer'] });
    const late = { headers: { 'if-match': '"1"' } };

    expect(await codeOf(put({ roles: ['auditor'] }, late))).toEqual([409, 'RES_VERSION_CONFLICT']);
  });

  it.each<[Role, Role[], Role[]]>([
    ['admin', ['owner'], []],
    ['admin', ['viewer'], ['owner']],
  ])('lets %s make no %j of %j', async (maker, roles, before) => {
    if (before.length > 0) await put({ roles: before }, { token: await app.keyOf('owner') });

    expect(await codeOf(put({ roles }, { token: await app.keyOf(maker) }))).toEqual([
      403,
      'PERM_DENIED',
    ]);
  });

  it('keeps the last owner one', async () => {
    const token = await app.keyOf('owner');
    await put({ roles: ['owner'] }, { token });

    expect(await codeOf(put({ roles: ['viewer'] }, { token }))).toEqual([
      409,
      'RES_STATE_CONFLICT',
    ]);
    expect(await codeOf(remove(token))).toEqual([409, 'RES_STATE_CONFLICT']);
  });

  it.each([
    [{}, 'roles'],
    [{ roles: [] }, 'roles'],
    [{ roles: ['king'] }, 'roles.0'],
    [{ roles: ['client'] }, 'roles'],
    [{ roles: ['viewer', 'viewer'] }, 'roles'],
    [{ roles: ['viewer'], departments: ['No Such'] }, 'departments.0'],
    [{ roles: ['viewer'], teams: [] }, 'teams'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await put(body);

    expect(answer.status).toBe(400);
    expect((answer.body as unknown as Refused).error.validationErrors).toMatchObject([{ field }]);
  });

  it('is 404 for nobody', async () => {
    const asked = { method: 'PUT', token: admin, body: { roles: ['viewer'] } };

    expect(await codeOf(app.ask(`${path}/nobody`, asked))).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('is 403 for who may not', async () => {
    const token = await app.keyOf('publisher');

    expect(await codeOf(put({ roles: ['viewer'] }, { token }))).toEqual([403, 'PERM_DENIED']);
  });
});

describe('GET /api/v1/members/:userId', () => {
  it('describes one, as the last change left them', async () => {
    const { body } = await put({ roles: ['editor'] });

    expect((await app.ask<One>(ada, { token: admin })).body.data).toEqual(body.data);
  });

  it('is 404 for a person who is no member', async () => {
    expect(await codeOf(app.ask(ada, { token: admin }))).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('GET /api/v1/members', () => {
  it('lists the org’s people alone', async () => {
    await put({ roles: ['viewer'] });
    await addPerson(app.stores, 'bob', { globex: ['owner'] });

    const { body } = await app.ask<{ data: { username: string }[] }>(path, { token: admin });

    expect(body.data.map(({ username }) => username)).toEqual(['ada']);
  });
});

describe('DELETE /api/v1/members/:userId', () => {
  it('ends what the person could do there, and their keys, at once', async () => {
    await put({ roles: ['editor'] });
    const { ask } = await browserOf(app, 'ada');
    const { id, token, secretHash } = mintApiKey();
    const own = { secretHash, userId: 'id-of-ada', roles: ['editor'] };
    await app.stores.apiKeys.insert(makeApiKey(id, own), makeEntry());
    expect((await ask('/api/v1/probe')).status).toBe(204);
    expect((await app.ask('/api/v1/probe', { token })).status).toBe(204);

    expect((await remove()).status).toBe(204);

    expect(await codeOf(ask('/api/v1/probe'))).toEqual([403, 'PERM_DENIED']);
    expect(await codeOf(app.ask('/api/v1/probe', { token }))).toEqual([401, 'AUTH_TOKEN_REVOKED']);
    expect(await codeOf(remove())).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('leaves a session nothing in an org that it was begun in', async () => {
    await addPerson(app.stores, 'bob', { acme: ['editor'], globex: ['viewer'] });
    const { ask } = await browserOf(app, 'bob', { org: 'acme' });

    await app.ask(`${path}/id-of-bob`, { method: 'DELETE', token: admin });

    const named = { headers: { 'x-waymark-org': 'acme' } };
    expect(await codeOf(ask('/api/v1/probe', named))).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('answers for another org’s member as for nobody', async () => {
    await addPerson(app.stores, 'bob', { globex: ['viewer'] });
    const asked = { method: 'DELETE', token: admin };

    const foreign = await app.ask<Refused>(`${path}/id-of-bob`, asked);
    const unknown = await app.ask<Refused>(`${path}/nobody`, asked);

    expect(foreign.status).toBe(404);
    expect(foreign.body.error.message.replace('id-of-bob', 'nobody')).toBe(
      unknown.body.error.message,
    );
  });
});
