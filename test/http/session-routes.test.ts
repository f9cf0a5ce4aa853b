import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { route } from '../../src/http/route.ts';
import { sessionRoutes } from '../../src/http/session-routes.ts';
import type { OrgNames } from '../../src/http/tenant.ts';
import { type AppOptions, type Refused, serveApp, type TestApp } from '../support/app.ts';
import { loggingIn } from '../support/passwords.ts';
import { addPerson, browserOf, type Described, logInTo, PASSWORD } from '../support/people.ts';

const HOUR_MS = 3_600_000;
const path = '/api/v1/session';

let nowMs: number;
let app: TestApp;

const clock = () => nowMs;
const orgNames: OrgNames = {
  has: (slug) => ['acme', 'globex'].includes(slug),
  slugs: () => [],
  policy: () => ({
    roles: new Map([['captain', ['releases:publish']]]),
    departments: new Map(),
    departmentOfTeam: new Map(),
    teamsOfUser: new Map(),
  }),
};

/** Who a request is, where a change is asked for and where one is read. */
const whoami = (['get', 'post'] as const).map((method) =>
  route({
    method,
    path: '/whoami',
    permission: 'registry:read',
    handle: async ({ caller, org }) => ({ status: 200, body: { actor: caller.actor, org } }),
  }),
);

const serve = (options: Pick<AppOptions, 'publicUrl'> = {}) =>
  serveApp({
    at: '/api/v1',
    clock,
    rows: (stores, authenticator) => {
      const parts = { ...loggingIn(stores, clock), authenticator, orgNames };
      const publicUrl = options.publicUrl ?? null;
      return [...sessionRoutes({ ...parts, publicUrl }), ...whoami];
    },
    ...options,
  });

beforeEach(async () => {
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  app = await serve();
  await addPerson(app.stores, 'ada', { acme: ['editor'] });
  await addPerson(app.stores, 'bob', { acme: ['viewer'], globex: ['admin'] });
  await addPerson(app.stores, 'eve');
  await addPerson(app.stores, 'root', {}, { isSiteAdmin: true });
});

afterEach(() => app.close());

const codeOf = async (asking: Promise<{ body: unknown; status: number }>) => {
  const { status, body } = await asking;
  return [status, (body as Refused).error?.code];
};

describe('POST /api/v1/session', () => {
  it('logs a person in, and says who they are and what they may do', async () => {
    const { status, body, headers } = await logInTo(app, 'ada');

    expect(status).toBe(201);
    expect(body.data).toMatchObject({
      user: { id: 'id-of-ada', username: 'ada', isSiteAdmin: false },
      org: 'acme',
      roles: ['editor'],
      memberships: [{ org: 'acme', roles: ['editor'] }],
      expiresAt: '2026-03-08T12:00:00.000Z',
    });
    expect(body.data.permissions).toContain('registry:write');
    expect(headers.get('set-cookie')).toMatch(
      /^waymark=wms_[0-9a-f-]{36}_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  it('sets a cookie of this host and TLS alone, where it is not this machine', async () => {
    await app.close();
    app = await serve({ publicUrl: 'https://waymark.example' });
    await addPerson(app.stores, 'ada', { acme: ['editor'] });

    const { headers } = await logInTo(app, 'ada');

    expect(headers.get('set-cookie')).toMatch(
      /^__Host-waymark=wms_\S+; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  it('begins in the org that is chosen, among one’s own', async () => {
    expect((await logInTo(app, 'bob', { org: 'globex' })).body.data.org).toBe('globex');
    expect((await logInTo(app, 'bob')).body.data).toMatchObject({ org: null, permissions: [] });
    expect((await logInTo(app, 'root', { org: 'globex' })).body.data.org).toBe('globex');
  });

  it('answers for another’s org as for one that is nowhere', async () => {
    const foreign = await logInTo(app, 'ada', { org: 'globex' });
    const unknown = await logInTo(app, 'ada', { org: 'nowhere' });

    expect(await codeOf(Promise.resolve(foreign))).toEqual([404, 'RES_NOT_FOUND']);
    expect(foreign.text.match(/"message":"[^"]*"/)?.[0].replace('globex', 'nowhere')).toBe(
      unknown.text.match(/"message":"[^"]*"/)?.[0],
    );
  });

  it('refuses a wrong password, and locks after five', async () => {
    const wrong = { username: 'ada', password: 'wrong' };
    for (let i = 0; i < 5; i += 1) {
      expect(await codeOf(app.ask(path, { body: wrong }))).toEqual([401, 'AUTH_LOGIN_FAILED']);
    }

    const locked = await logInTo(app, 'ada');

    expect(await codeOf(Promise.resolve(locked))).toEqual([429, 'RATE_LIMITED']);
    expect(locked.headers.get('retry-after')).toBe('30');
    expect(locked.text).not.toMatch(PASSWORD);
  });

  it.each([
    [{ username: 'ada' }, 'password'],
    [{ password: PASSWORD }, 'username'],
    [{ username: 'ada', password: 7 }, 'password'],
    [{ username: 'ada', password: 'x'.repeat(1025) }, 'password'],
    [{ username: 'ada', password: PASSWORD, admin: true }, 'admin'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await app.ask<Refused>(path, { body });

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field }]);
  });

  it('is not done by a page of another site', async () => {
    const body = { username: 'ada', password: PASSWORD };
    const headers = { origin: 'https://evil.example' };

    expect(await codeOf(app.ask(path, { body, headers }))).toEqual([403, 'PERM_CSRF']);
  });

  it('ends the session that the browser had', async () => {
    const before = await browserOf(app, 'ada');
    const body = { username: 'bob', password: PASSWORD };
    const headers = { cookie: before.cookie, origin: app.url };

    const { status } = await app.ask(path, { body, headers });

    expect(status).toBe(201);
    expect(await codeOf(before.ask(path))).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it('does not mind a session that has ended long ago', async () => {
    const { cookie } = await browserOf(app, 'ada');
    nowMs += 8 * 24 * HOUR_MS;
    const body = { username: 'ada', password: PASSWORD };

    const { status } = await app.ask(path, { body, headers: { cookie, origin: app.url } });

    expect(status).toBe(201);
  });

  it('writes it into the audit log, without what could be used', async () => {
    const { cookie } = await browserOf(app, 'ada');

    const entry = (await app.stores.audit.list('acme', 0, 20)).at(-1);
    expect(entry).toMatchObject({ actor: 'user:ada', action: 'session.start' });
    expect(entry?.requestId).toBeDefined();
    expect(JSON.stringify(entry)).not.toMatch(cookie.slice(-20));
  });
});

describe('GET /api/v1/session', () => {
  it('is what the log-in said', async () => {
    const browser = await browserOf(app, 'ada');

    const answer = await browser.ask<{ data: Described }>(path);

    expect(answer.status).toBe(200);
    expect(answer.body.data).toEqual(browser.session);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('shows the org that is named, among one’s own', async () => {
    const browser = await browserOf(app, 'bob', { org: 'globex' });
    const as = (org: string) =>
      browser.ask<{ data: Described }>(path, { headers: { 'x-waymark-org': org } });

    expect((await as('acme')).body.data).toMatchObject({ org: 'acme', roles: ['viewer'] });
    expect((await as('globex')).body.data).toMatchObject({ org: 'globex', roles: ['admin'] });
    expect(await codeOf(as('initech'))).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('counts what an org’s own roles allow', async () => {
    await addPerson(app.stores, 'cyd', { acme: ['captain'] });

    const { session } = await browserOf(app, 'cyd');

    expect(session.permissions).toEqual(['releases:publish']);
    expect(session.memberships).toMatchObject([{ permissions: ['releases:publish'] }]);
  });

  it('tells a key who it is too, with no token for changes', async () => {
    const { body } = await app.ask<{ data: Described }>(path, { token: await app.keyOf('viewer') });

    expect(body.data).toMatchObject({
      user: null,
      org: 'acme',
      roles: ['viewer'],
      csrfToken: null,
    });
  });

  it('is 401 for who has not logged in', async () => {
    expect(await codeOf(app.ask(path))).toEqual([401, 'AUTH_TOKEN_MISSING']);
  });
});

describe('DELETE /api/v1/session', () => {
  it('ends the session at once, and takes the cookie away', async () => {
    const browser = await browserOf(app, 'ada');

    const answer = await browser.ask(path, { method: 'DELETE' });

    expect(answer.status).toBe(204);
    expect(answer.headers.get('set-cookie')).toMatch(/^waymark=; .*Max-Age=0$/);
    expect(await codeOf(browser.ask(path))).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it('is 404 for a key', async () => {
    const token = await app.keyOf('viewer');

    expect(await codeOf(app.ask(path, { method: 'DELETE', token }))).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});

describe('a session', () => {
  it('acts in the org that was chosen, or that is named', async () => {
    const browser = await browserOf(app, 'bob', { org: 'globex' });
    const at = async (headers: Record<string, string>) =>
      (await browser.ask<{ data: unknown }>('/api/v1/whoami', { headers })).body.data;

    expect(await at({})).toEqual({ actor: 'user:bob', org: 'globex' });
    expect(await at({ 'x-waymark-org': 'acme' })).toEqual({ actor: 'user:bob', org: 'acme' });
  });

  it('has to name one of several, and hears of no others', async () => {
    const browser = await browserOf(app, 'bob');
    const answer = await browser.ask<Refused>('/api/v1/whoami');

    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toBe('X-Waymark-Org: name one of the 2 organisations');
  });

  it('does nothing for who is a member of no org, not even name one', async () => {
    const { ask } = await browserOf(app, 'eve');
    const headers = { 'x-waymark-org': 'acme' };

    expect(await codeOf(ask('/api/v1/whoami'))).toEqual([403, 'PERM_DENIED']);
    expect(await codeOf(ask('/api/v1/whoami', { headers }))).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('ends after twelve hours without use', async () => {
    const { ask } = await browserOf(app, 'ada');
    nowMs += 11 * HOUR_MS;
    expect((await ask('/api/v1/whoami')).status).toBe(200);
    nowMs += 11 * HOUR_MS;
    expect((await ask('/api/v1/whoami')).status).toBe(200);

    nowMs += 12 * HOUR_MS;

    const answer = await ask('/api/v1/whoami');
    expect(await codeOf(Promise.resolve(answer))).toEqual([401, 'AUTH_TOKEN_EXPIRED']);
    expect(answer.headers.get('set-cookie')).toMatch(/^waymark=; .*Max-Age=0$/);
  });

  it('ends after seven days of use', async () => {
    const { ask } = await browserOf(app, 'ada');
    for (let day = 0; day < 14; day += 1) {
      expect((await ask('/api/v1/whoami')).status).toBe(200);
      nowMs += 12 * HOUR_MS - 1;
    }

    nowMs += 14;

    expect(await codeOf(ask('/api/v1/whoami'))).toEqual([401, 'AUTH_TOKEN_EXPIRED']);
  });

  it('is no bearer token, also just after it was used', async () => {
    const { ask, cookie } = await browserOf(app, 'ada');
    await ask('/api/v1/whoami');
    const token = cookie.replace('waymark=', '');

    expect(await codeOf(app.ask('/api/v1/whoami', { token }))).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it.each([
    ['another secret', (cookie: string) => `${cookie.slice(0, -4)}AAAA`],
    ['nothing', () => 'waymark='],
    ['an API key', () => `waymark=wmk_0123456789abcdef_${'a'.repeat(43)}`],
    ['two values', (cookie: string) => `${cookie}; waymark=planted`],
  ])('with %s is refused, and falls through to nothing', async (_what, forge) => {
    const { cookie } = await browserOf(app, 'ada');

    const headers = { cookie: forge(cookie) };

    expect(await codeOf(app.ask('/api/v1/whoami', { headers }))).toEqual([
      401,
      'AUTH_TOKEN_INVALID',
    ]);
  });

  it('does not help a wrong key, nor stand beside a right one', async () => {
    const { ask } = await browserOf(app, 'ada');

    for (const token of ['x'.repeat(40), await app.keyOf('viewer')]) {
      expect(await codeOf(ask('/api/v1/whoami', { token }))).toEqual([401, 'AUTH_TOKEN_INVALID']);
    }
  });

  it('is not looked for under another cookie’s name', async () => {
    const { cookie } = await browserOf(app, 'ada');
    const headers = { cookie: cookie.replace('waymark=', '__Host-waymark=') };

    expect(await codeOf(app.ask('/api/v1/whoami', { headers }))).toEqual([
      401,
      'AUTH_TOKEN_MISSING',
    ]);
  });
});

describe('a change by a session', () => {
  const change = async (headers: Record<string, string>, publicUrl: string | null = null) => {
    if (publicUrl !== null) {
      await app.close();
      app = await serve({ publicUrl });
      await addPerson(app.stores, 'ada', { acme: ['editor'] });
    }
    const { cookie, session } = await browserOf(app, 'ada');
    const csrf = { 'x-csrf-token': session.csrfToken ?? '' };
    const all = Object.fromEntries(
      Object.entries({ cookie, ...csrf, ...headers }).filter(([, value]) => value !== ''),
    );
    return codeOf(app.ask('/api/v1/whoami', { method: 'POST', headers: all }));
  };

  it('needs the token of the session, and a page of this server', async () => {
    expect(await change({ origin: app.url })).toEqual([200, undefined]);
    expect(await change({ origin: app.url, 'sec-fetch-site': 'same-origin' })).toEqual([
      200,
      undefined,
    ]);
  });

  it.each<[string, () => Record<string, string>]>([
    ['no token', () => ({ origin: app.url, 'x-csrf-token': '' })],
    ['a wrong token', () => ({ origin: app.url, 'x-csrf-token': 'A'.repeat(43) })],
    ['no origin', () => ({})],
    ['another origin', () => ({ origin: 'https://evil.example' })],
    ['an opaque origin', () => ({ origin: 'null' })],
    ['another port', () => ({ origin: 'http://127.0.0.1:1' })],
    [
      'a page that the browser calls another’s',
      () => ({ origin: app.url, 'sec-fetch-site': 'same-site' }),
    ],
  ])('is refused with %s', async (_what, headers) => {
    expect(await change(headers())).toEqual([403, 'PERM_CSRF']);
  });

  it('is refused with another session’s token', async () => {
    const { session } = await browserOf(app, 'bob');
    const headers = { origin: app.url, 'x-csrf-token': session.csrfToken ?? '' };

    expect(await change(headers)).toEqual([403, 'PERM_CSRF']);
  });

  it('compares with the public URL, where there is one', async () => {
    const publicUrl = 'https://waymark.example';

    expect(await change({ origin: publicUrl }, publicUrl)).toEqual([200, undefined]);
    expect(await change({ origin: 'http://waymark.example' }, publicUrl)).toEqual([
      403,
      'PERM_CSRF',
    ]);
    expect(await change({ origin: app.url }, publicUrl)).toEqual([403, 'PERM_CSRF']);
  });

  it('is asked for of no key', async () => {
    const token = await app.keyOf('viewer');

    expect((await app.ask('/api/v1/whoami', { method: 'POST', token })).status).toBe(200);
  });
});
