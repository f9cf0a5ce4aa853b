import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionRoutes } from '../../src/http/session-routes.ts';
import { userRoutes } from '../../src/http/user-routes.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { cheapPasswords, loggingIn } from '../support/passwords.ts';
import { addPerson, browserOf, logInTo, PASSWORD } from '../support/people.ts';

interface One {
  data: { id: string; username: string; version: number; disabledAt: string | null };
}

const path = '/api/v1/users';
const me = `${path}/me`;
const NEW_PASSWORD = 'another long password';

let app: TestApp;
let siteAdmin: string;

beforeEach(async () => {
  app = await serveApp({
    at: '/api/v1',
    rows: (stores, authenticator) => {
      const orgNames = { has: () => true, slugs: () => [] };
      const parts = { ...loggingIn(stores, Date.now), passwords: cheapPasswords, authenticator };
      return [...userRoutes(parts), ...sessionRoutes({ ...parts, orgNames, publicUrl: null })];
    },
  });
  siteAdmin = await app.keyOf('owner', null);
  await addPerson(app.stores, 'ada', { acme: ['editor'] });
});

afterEach(() => app.close());

const make = (body: object, token = siteAdmin) => app.ask<One>(path, { token, body });
const change = (body: object, headers: Record<string, string> = {}, id = 'id-of-ada') =>
  app.ask<One>(`${path}/${id}`, { method: 'PUT', token: siteAdmin, headers, body });

const codeOf = async (asking: Promise<{ body: unknown; status: number }>) => {
  const { status, body } = await asking;
  return [status, (body as Refused).error?.code];
};

describe('POST /api/v1/users', () => {
  it('makes a person who can log in, and shows nothing of the password', async () => {
    const answer = await make({ username: 'bob', email: 'bob@acme.example', password: PASSWORD });

    expect(answer.status).toBe(201);
    expect(answer.body.data).toMatchObject({
      username: 'bob',
      displayName: 'bob',
      hasPassword: true,
      isSiteAdmin: false,
      version: 1,
    });
    expect(answer.headers.get('location')).toBe(`${path}/${answer.body.data.id}`);
    expect(answer.text).not.toMatch(/scrypt|passwordHash/);
    expect((await logInTo(app, 'bob')).status).toBe(201);
  });

  it('writes it into the site’s audit log, without the password', async () => {
    const { body } = await make({ username: 'bob', password: PASSWORD });

    const entry = (await app.stores.audit.list('*', 0, 50)).at(-1);
    expect(entry).toMatchObject({ action: 'user.create', resource: body.data.id });
    expect(JSON.stringify(entry)).not.toMatch(/correct horse|scrypt/);
  });

  it('refuses a name that is taken', async () => {
    expect(await codeOf(make({ username: 'ada' }))).toEqual([409, 'RES_DUPLICATE']);
  });

  it.each([
    [{ username: 'Ada' }, 'username'],
    [{ username: 'git' }, 'username'],
    [{ username: '' }, 'username'],
    [{ username: 'a b' }, 'username'],
    [{ username: 'admin\n' }, 'username'],
    [{ username: '.hidden' }, 'username'],
    [{ username: 'ａｄａ' }, 'username'],
    [{ username: 'x'.repeat(129) }, 'username'],
    [{ username: 'bob', password: 'short' }, 'password'],
    [{ username: 'bob', email: 'nobody' }, 'email'],
    [{ username: 'bob', displayName: '' }, 'displayName'],
    [{ username: 'bob', passwordHash: 'x' }, 'passwordHash'],
    [{}, 'username'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await make(body);

    expect(answer.status).toBe(400);
    expect((answer.body as unknown as Refused).error.validationErrors).toMatchObject([{ field }]);
  });

  it('is for the site’s administrators, whoever owns an org', async () => {
    const owner = await app.keyOf('owner');

    expect(await codeOf(make({ username: 'bob' }, owner))).toEqual([403, 'PERM_DENIED']);
  });
});

describe('GET /api/v1/users', () => {
  it('lists people, filtered', async () => {
    await addPerson(app.stores, 'bob', {}, { isSiteAdmin: true });
    const filter = encodeURIComponent('{"isSiteAdmin": true}');

    const all = await app.ask<{ data: { username: string }[] }>(path, { token: siteAdmin });
    const admins = await app.ask<{ data: { username: string }[] }>(`${path}?filter=${filter}`, {
      token: siteAdmin,
    });

    expect(all.body.data.map(({ username }) => username)).toEqual(['ada', 'bob']);
    expect(admins.body.data.map(({ username }) => username)).toEqual(['bob']);
    expect(all.text).not.toMatch(/scrypt/);
  });

  it('is searched by nothing that would tell a password', async () => {
    const filter = encodeURIComponent('{"passwordHash": {"$startsWith": "$scrypt"}}');

    expect(await codeOf(app.ask(`${path}?filter=${filter}`, { token: siteAdmin }))).toEqual([
      400,
      'VAL_FILTER',
    ]);
  });

  it('gives one by their id', async () => {
    const one = await app.ask<One>(`${path}/id-of-ada`, { token: siteAdmin });

    expect(one.body.data.username).toBe('ada');
    expect(await codeOf(app.ask(`${path}/nobody`, { token: siteAdmin }))).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});

describe('PUT /api/v1/users/:id', () => {
  it('changes what is named, and nothing else', async () => {
    const { body } = await change({ displayName: 'Ada L.' });

    expect(body.data).toMatchObject({
      displayName: 'Ada L.',
      email: 'ada@acme.example',
      version: 2,
    });
  });

  it('disables a person, whose sessions end at once, and enables them again', async () => {
    const browser = await browserOf(app, 'ada');

    const { body } = await change({ disabled: true });

    expect(body.data.disabledAt).not.toBeNull();
    expect(await codeOf(browser.ask('/api/v1/session'))).toEqual([401, 'AUTH_TOKEN_INVALID']);
    expect(await codeOf(logInTo(app, 'ada'))).toEqual([401, 'AUTH_LOGIN_FAILED']);
    expect((await change({ disabled: false })).body.data.disabledAt).toBeNull();
    expect((await logInTo(app, 'ada')).status).toBe(201);
  });

  it('gives another password, and ends the sessions of the old one', async () => {
    const browser = await browserOf(app, 'ada');

    await change({ password: NEW_PASSWORD });

    expect(await codeOf(browser.ask('/api/v1/session'))).toEqual([401, 'AUTH_TOKEN_INVALID']);
    expect(await codeOf(logInTo(app, 'ada'))).toEqual([401, 'AUTH_LOGIN_FAILED']);
    const entry = (await app.stores.audit.list('*', 0, 50)).findLast(
      ({ action }) => action === 'user.change',
    );
    expect(entry?.after).toMatchObject({ password: 'changed' });
  });

  it('refuses to write over another’s change', async () => {
    await change({ displayName: 'Ada L.' });

    expect(await codeOf(change({ email: null }, { 'if-match': '"1"' }))).toEqual([
      409,
      'RES_VERSION_CONFLICT',
    ]);
    expect((await change({ email: null }, { 'if-match': '"2"' })).status).toBe(200);
  });

  it('lets no administrator take their own access away', async () => {
    await addPerson(app.stores, 'root', {}, { isSiteAdmin: true });
    const { ask } = await browserOf(app, 'root');
    const own = `${path}/id-of-root`;

    for (const body of [{ disabled: true }, { isSiteAdmin: false }]) {
      expect(await codeOf(ask(own, { method: 'PUT', body }))).toEqual([409, 'RES_STATE_CONFLICT']);
    }
    expect(await codeOf(ask(own, { method: 'DELETE' }))).toEqual([409, 'RES_STATE_CONFLICT']);
    expect((await ask(own, { method: 'PUT', body: { displayName: 'Root' } })).status).toBe(200);
  });

  it('takes an administrator’s rights away at once', async () => {
    await addPerson(app.stores, 'root', {}, { isSiteAdmin: true });
    const { ask } = await browserOf(app, 'root');
    expect((await ask(path)).status).toBe(200);

    await change({ isSiteAdmin: false }, {}, 'id-of-root');

    expect(await codeOf(ask(path))).toEqual([403, 'PERM_DENIED']);
  });
});

describe('DELETE /api/v1/users/:id', () => {
  it('removes a person, whose sessions end at once', async () => {
    const browser = await browserOf(app, 'ada');
    const remove = () => app.ask(`${path}/id-of-ada`, { method: 'DELETE', token: siteAdmin });

    expect((await remove()).status).toBe(204);

    expect(await codeOf(browser.ask('/api/v1/session'))).toEqual([401, 'AUTH_TOKEN_INVALID']);
    expect(await codeOf(remove())).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('leaves one that is no longer as they were read', async () => {
    const ada = `${path}/id-of-ada`;
    await app.ask(ada, { method: 'PUT', token: siteAdmin, body: { displayName: 'Ada L.' } });
    const remove = (version: number) =>
      app.ask(ada, {
        method: 'DELETE',
        token: siteAdmin,
        headers: { 'if-match': `"${version}"` },
      });

    expect(await codeOf(remove(1))).toEqual([409, 'RES_VERSION_CONFLICT']);
    expect((await remove(2)).status).toBe(204);
  });
});

describe('PUT /api/v1/users/me', () => {
  it('changes one’s own name', async () => {
    const { ask } = await browserOf(app, 'ada');

    const { body } = await ask<One>(me, { method: 'PUT', body: { displayName: 'Ada L.' } });

    expect(body.data).toMatchObject({ id: 'id-of-ada', displayName: 'Ada L.' });
  });

  it('changes one’s password for who knows the present one, and ends all sessions', async () => {
    const { ask } = await browserOf(app, 'ada');
    const body = { currentPassword: PASSWORD, password: NEW_PASSWORD };

    expect((await ask(me, { method: 'PUT', body })).status).toBe(200);

    expect(await codeOf(ask('/api/v1/session'))).toEqual([401, 'AUTH_TOKEN_INVALID']);
    const again = { username: 'ada', password: NEW_PASSWORD };
    expect((await app.ask('/api/v1/session', { body: again })).status).toBe(201);
  });

  it.each([
    [{ password: NEW_PASSWORD }, 400, 'VAL_FAILED'],
    [{ password: NEW_PASSWORD, currentPassword: 'wrong' }, 401, 'AUTH_LOGIN_FAILED'],
    [{ password: 'short', currentPassword: PASSWORD }, 400, 'VAL_FAILED'],
    [{ isSiteAdmin: true }, 400, 'VAL_FAILED'],
    [{ username: 'root' }, 400, 'VAL_FAILED'],
  ])('refuses %j with %i %s', async (body, status, code) => {
    const { ask } = await browserOf(app, 'ada');

    expect(await codeOf(ask(me, { method: 'PUT', body }))).toEqual([status, code]);
  });

  it('locks who guesses the present password', async () => {
    const { ask } = await browserOf(app, 'ada');
    const body = { password: NEW_PASSWORD, currentPassword: 'wrong' };
    for (let i = 0; i < 5; i += 1) await ask(me, { method: 'PUT', body });

    expect(await codeOf(ask(me, { method: 'PUT', body }))).toEqual([429, 'RATE_LIMITED']);
  });

  it('gives no password to who logs in elsewhere', async () => {
    const { ask } = await browserOf(app, 'ada');
    const [ada] = (await app.stores.users.list({ sort: [], page: 1, pageSize: 1 })).items;
    app.stores.users.find = async () => ({ ...ada!, passwordHash: null });
    const body = { currentPassword: '', password: NEW_PASSWORD };

    expect(await codeOf(ask(me, { method: 'PUT', body }))).toEqual([409, 'RES_STATE_CONFLICT']);
  });

  it('is for nobody who has not logged in', async () => {
    const body = { displayName: 'Ada L.' };
    const token = await app.keyOf('owner');

    expect(await codeOf(app.ask(me, { method: 'PUT', body, token }))).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});
