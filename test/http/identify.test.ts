import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { route } from '../../src/http/route.ts';
import { CHOSEN_KEY_ID, parseToken } from '../../src/identity/keys.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { addPerson, PASSWORD } from '../support/people.ts';
import { makeApiKey, makeEntry } from '../support/records.ts';

let app: TestApp;
let token: string;

beforeEach(async () => {
  app = await serveApp({
    rows: () =>
      ['/whoami', '/git/whoami'].map((path) =>
        route({
          method: 'get',
          path,
          permission: 'registry:read',
          handle: async ({ caller }) => ({ status: 200, body: caller.actor }),
        }),
      ),
  });
  token = await app.keyOf('viewer');
});

afterEach(() => app.close());

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('a credential', () => {
  it.each([
    ['Bearer', '/whoami', () => ({ authorization: `Bearer ${token}` })],
    ['bearer, in small letters', '/whoami', () => ({ authorization: `bearer ${token}` })],
    ['X-API-Key', '/whoami', () => ({ 'x-api-key': token })],
    ['the password of Basic, for git', '/git/whoami', () => basic('anybody', token)],
    ['the same twice', '/whoami', () => ({ authorization: `Bearer ${token}`, 'x-api-key': token })],
  ])('is taken as %s', async (_how, path, headers) => {
    expect((await app.ask(path, { headers: headers() })).status).toBe(200);
  });

  it.each([
    ['an unknown key', '/whoami', () => ({ authorization: `Bearer ${token.slice(0, -4)}AAAA` })],
    ['nothing', '/whoami', () => ({ authorization: '' })],
    ['no token', '/whoami', () => ({ authorization: 'Bearer ' })],
    ['another scheme', '/whoami', () => ({ authorization: `Negotiate ${token}` })],
    ['Basic outside git', '/whoami', () => basic('anybody', token)],
    ['the user in place of the password', '/git/whoami', () => basic(token, '')],
    ['Basic that is no base64', '/git/whoami', () => ({ authorization: 'Basic %%%' })],
    [
      'a wrong one before a right one',
      '/whoami',
      () => ({ authorization: `Bearer ${'x'.repeat(40)}`, 'x-api-key': token }),
    ],
    [
      'a right one before a wrong one',
      '/whoami',
      () => ({ authorization: `Bearer ${token}`, 'x-api-key': 'x'.repeat(40) }),
    ],
  ])('that is %s is refused, and falls through to nothing', async (_what, path, headers) => {
    const answer = await app.ask<Refused>(path, { headers: headers() });

    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });

  it('that is wrong is refused also where none is needed', async () => {
    expect((await app.ask('/nowhere')).status).toBe(404);
    expect((await app.ask('/nowhere', { token: 'x'.repeat(40) })).status).toBe(401);
  });

  it('is a person’s password, for git', async () => {
    await addPerson(app.stores, 'ada', { acme: ['viewer'] });
    const ask = async (path: string, user: string, password: string) => {
      const { status, body } = await app.ask<Refused>(path, { headers: basic(user, password) });
      return [status, body?.error?.code];
    };

    expect(await ask('/git/whoami', 'ada', PASSWORD)).toEqual([200, undefined]);
    expect(await ask('/git/whoami', 'ada', 'wrong')).toEqual([401, 'AUTH_LOGIN_FAILED']);
    expect(await ask('/git/whoami', 'eve', PASSWORD)).toEqual([401, 'AUTH_LOGIN_FAILED']);
    expect(await ask('/git/whoami', 'git', PASSWORD)).toEqual([401, 'AUTH_TOKEN_INVALID']);
    expect(await ask('/whoami', 'ada', PASSWORD)).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it('is an operator’s own key beside the user name git', async () => {
    const chosen = 'a-text-of-twenty-or-more';
    const { secretHash } = parseToken(chosen)!;
    await app.stores.apiKeys.insert(makeApiKey(CHOSEN_KEY_ID, { secretHash }), makeEntry());

    expect((await app.ask('/git/whoami', { headers: basic('git', chosen) })).status).toBe(200);
    expect((await app.ask('/git/whoami', { headers: basic('ada', chosen) })).status).toBe(401);
  });

  it('is asked of git with the scheme that git knows', async () => {
    const answer = await app.ask('/git/whoami');

    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Waymark", charset="UTF-8"');
  });

  it('is not blamed for a database that fails', async () => {
    app.stores.apiKeys.find = () => Promise.reject(new Error('the database is gone'));

    const answer = await app.ask<Refused>('/whoami', { token });

    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch('database');
  });
});
