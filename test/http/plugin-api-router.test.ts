import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { csrfTokenOf } from '../../src/http/csrf.ts';
import type { CheckInput } from '../../src/http/plugin-api-router.ts';
import { callerOfClaims } from '../../src/identity/jwt-caller.ts';
import { mintApiKey, mintClientToken, mintSessionToken } from '../../src/identity/keys.ts';
import type { OrgPolicy } from '../../src/identity/org-policy.ts';
import type { Role } from '../../src/identity/roles.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import type { ApiRoute } from '../../src/registry/server-manifest/manifest.ts';
import { type AppOptions, serveApp, type TestApp } from '../support/app.ts';
import {
  type FakePlugin,
  type FakePluginHost,
  fakePluginHost,
} from '../support/fakes/plugin-host.ts';
import { addPerson } from '../support/people.ts';
import { askRaw, type RawAnswer } from '../support/raw-request.ts';
import { makeApiKey, makeClient, makeEntry, makeSession } from '../support/records.ts';

const API = '/api/v1/plugin/example';

const apiRoute = (method: string, path: string, more: Partial<ApiRoute> = {}): ApiRoute => ({
  method,
  path,
  auth: 'user',
  rateTier: 'api',
  ...more,
});

const namespace = (id: string, departmentId: string, part: Partial<Binding> = {}): Binding => ({
  ...bareBinding('example'),
  scope: 'namespace',
  id: `${id}.example`,
  namespaceId: id,
  departmentId,
  ...part,
});

/** `sales` is over `emea`; `legal` stands beside them. */
const policy: OrgPolicy = {
  roles: new Map([['captain', ['audit:read']]]),
  departments: new Map(
    Object.entries({ sales: null, emea: 'sales', legal: null }).map(([id, parent]) => [
      id,
      { id, title: id, parent },
    ]),
  ),
  departmentOfTeam: new Map(),
  teamsOfUser: new Map(),
};

const ROUTES = [
  apiRoute('GET', 'items/[id]'),
  apiRoute('GET', 'items/mine'),
  apiRoute('POST', 'items'),
  apiRoute('GET', 'files/[...rest]'),
  apiRoute('GET', 'audit', { permission: 'audit:read' }),
  apiRoute('GET', 'open', { auth: 'public' }),
  apiRoute('POST', 'checked', { input: { type: 'object', required: ['a'] } }),
  apiRoute('GET', 'checked', { input: { type: 'object', required: ['a'] } }),
  apiRoute('POST', 'code', { rateTier: 'auth' }),
];

let app: TestApp;
let host: FakePluginHost;
/** A key of acme whose scopes are all of the plugin's. */
let key: string;

const both = ['plugin:example:read', 'plugin:example:write'] as const;

async function serve(
  fake: Partial<FakePlugin> = {},
  options: Partial<AppOptions> = {},
  bindings: readonly Binding[] = [],
): Promise<void> {
  await app?.close();
  const plugin: FakePlugin = {
    id: 'example',
    manifest: { apiRoutes: ROUTES },
    methods: { 'api.handle': (params) => ({ Body: base64(params['Endpoint'] as string) }) },
    ...fake,
  };
  host = fakePluginHost([plugin], { bindings });
  app = await serveApp({ rows: () => [], plugins: host, policy, orgs: ['acme'], ...options });
  key = await keyOf({ scopes: both });
}

beforeEach(() => serve());
afterEach(() => app.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function keyOf(part: Parameters<typeof makeApiKey>[1]): Promise<string> {
  const { id, token, secretHash } = mintApiKey();
  const stored = makeApiKey(id, { secretHash, roles: ['viewer'], user: null, ...part });
  await app.stores.apiKeys.insert(stored, makeEntry());
  return token;
}

/** A person of acme who has logged in by a browser. */
async function cookieOf(role: Role, departments: readonly string[] = []) {
  const { id, token, secretHash } = mintSessionToken();
  const { id: userId } = await addPerson(
    app.stores,
    `person-${id}`,
    { acme: [role] },
    { departments: [...departments] },
  );
  const now = new Date().toISOString();
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const times = { createdAt: now, lastSeenAt: now, expiresAt };
  const session = makeSession(id, { userId, secretHash, org: 'acme', teams: [], ...times });
  await app.stores.sessions.insert(session, makeEntry());
  return { cookie: `waymark=${token}`, csrf: csrfTokenOf(token), userId };
}

interface Sent {
  method?: string;
  token?: string | null;
  headers?: Record<string, string>;
  body?: string;
}

const ask = (path: string, { token = key, headers = {}, ...sent }: Sent = {}): Promise<RawAnswer> =>
  askRaw(app.url, API + path, {
    ...sent,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
  });

const bodyOf = ({ text }: RawAnswer) => JSON.parse(text) as Record<string, unknown>;
const outcomeOf = (answer: RawAnswer) => [answer.status, bodyOf(answer)['code']];
const lastParams = () => host.calls.at(-1)?.params as Record<string, unknown>;

describe('an API route', () => {
  it.each([
    ['/items/123', 'items/[id]', { id: '123' }],
    ['/items/mine', 'items/mine', {}],
    ['/items/a%2Fb%2520', 'items/[id]', { id: 'a/b%20' }],
    ['/files/a/b', 'files/[...rest]', { rest: ['a', 'b'] }],
  ])('answers %s by %s', async (path, Endpoint, Params) => {
    const { status, text } = await ask(path);

    expect([status, text]).toEqual([200, Endpoint]);
    expect(lastParams()).toMatchObject({ Endpoint, Params, Path: API + path, Method: 'GET' });
  });

  it('gets everything of the request but its credentials', async () => {
    const body = '{"a":1}';
    const headers = {
      cookie: 'a=b',
      'idempotency-key': 'once',
      'content-type': 'application/json',
    };

    await ask('/items?x=1&x=2', { method: 'POST', headers, body });

    expect(host.calls).toMatchObject([
      {
        org: 'acme',
        pluginId: 'example',
        binding: { scope: 'org', id: 'example' },
        method: 'api.handle',
        isRepeatable: false,
        params: { Method: 'POST', Query: { x: ['1', '2'] }, Body: base64(body) },
      },
    ]);
    expect(lastParams()['Headers']).toEqual({
      'Content-Length': ['7'],
      'Content-Type': ['application/json'],
      Host: [new URL(app.url).host],
      'Idempotency-Key': ['once'],
    });
  });

  it('sends what the plugin says, and who said it', async () => {
    const Headers = { 'content-type': 'text/html', location: 'there', 'Set-Cookie': 'a=b' };
    const Body = base64('<b>{}</b>');
    await serve({ methods: { 'api.handle': () => ({ StatusCode: 201, Headers, Body }) } });

    const { status, headers, text } = await ask('/items', { method: 'POST' });

    expect([status, text]).toEqual([201, '<b>{}</b>']);
    expect(headers).toMatchObject({
      'content-type': 'text/html',
      location: `${API}/there`,
      'x-waymark-plugin': 'example@1.0.0',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    });
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it('leaves JSON as the plugin wrote it', async () => {
    await serve({ methods: { 'api.handle': () => ({ Body: base64('{"a":"<b>"}') }) } });

    expect((await ask('/items/1')).text).toBe('{"a":"<b>"}');
  });

  it('answers HEAD as GET, without the body', async () => {
    const { status, headers, text } = await ask('/items/1', { method: 'HEAD' });

    expect([status, headers['content-length'], text]).toEqual([200, '10', '']);
    expect(lastParams()['Method']).toBe('GET');
    expect(host.calls[0]?.isRepeatable).toBe(true);
  });

  it('is 405 with another method, with those that there are', async () => {
    const answer = await ask('/items/1', { method: 'DELETE' });

    expect(outcomeOf(answer)).toEqual([405, 'RES_METHOD']);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('that is not there is told with those that are', async () => {
    const answer = await ask('/nothing');

    expect(answer.status).toBe(404);
    expect(bodyOf(answer)).toMatchObject({
      success: false,
      error: 'the plugin example has no such endpoint',
      code: 'PLG_ENDPOINT_NOT_FOUND',
      details: { availableEndpoints: ROUTES.map(({ method, path }) => `${method} ${path}`) },
    });
    expect(answer.headers['x-waymark-error']).toBe('PLG_ENDPOINT_NOT_FOUND');
  });

  it.each(['/items/..', '/items/%2e%2e', '/items//1', '/items/%', '/items/1/'])(
    'is not found at %s',
    async (path) => {
      expect(outcomeOf(await ask(path))).toEqual([404, 'PLG_ENDPOINT_NOT_FOUND']);
    },
  );

  it.each<[string, Partial<FakePlugin>, string]>([
    ['that is off', { isEnabled: false }, 'there is no plugin example'],
    ['without routes', { capabilities: ['management_api'] }, 'the plugin example has no routes'],
    ['that is not there', { id: 'another' }, 'there is no plugin example'],
  ])('of a plugin %s is 404', async (_what, fake, message) => {
    await serve(fake);

    const answer = await ask('/items/1');

    expect(outcomeOf(answer)).toEqual([404, 'PLG_NOT_FOUND']);
    expect(bodyOf(answer)['error']).toBe(message);
  });

  it('of a plugin whose plugin.json says nothing is 503', async () => {
    await serve({ capabilities: [], state: 'failed' });

    expect(outcomeOf(await ask('/items/1'))).toEqual([503, 'PLG_FAILED']);
  });
});

describe('who may call an API route', () => {
  it('is nobody without a credential, whether or not there is such a plugin', async () => {
    const answers = [
      await ask('/items/1', { token: null }),
      await ask('/nothing', { token: null }),
      await ask('/items/1', { token: null, method: 'DELETE' }),
      await askRaw(app.url, '/api/v1/plugin/another/items/1'),
    ];

    expect(answers.map(outcomeOf)).toEqual(Array(4).fill([401, 'AUTH_TOKEN_MISSING']));
    expect(new Set(answers.map((one) => bodyOf(one)['error'])).size).toBe(1);
    expect(answers[0]?.headers['www-authenticate']).toContain('Bearer');
    expect(host.calls).toEqual([]);
  });

  it.each<[string, Sent]>([
    ['read', {}],
    ['read', { method: 'HEAD' }],
    ['write', { method: 'POST' }],
  ])('is a key with the scope to %s', async (verb, sent) => {
    const path = sent.method === 'POST' ? '/items' : '/items/1';
    const other = verb === 'read' ? 'write' : 'read';

    const having = await keyOf({ scopes: [`plugin:example:${verb as 'read'}`] });
    const lacking = await keyOf({ scopes: [`plugin:example:${other}`, 'plugin:another:read'] });

    expect((await ask(path, { ...sent, token: having })).status).toBe(200);
    expect((await ask(path, { ...sent, token: lacking })).status).toBe(403);
    expect(host.calls).toHaveLength(1);
  });

  it('is an administrator’s key without a list of scopes, and no other', async () => {
    const statusOf = async (part: Parameters<typeof makeApiKey>[1]) =>
      (await ask('/items/1', { token: await keyOf(part) })).status;

    expect(await statusOf({ roles: ['admin'] })).toBe(200);
    expect(await statusOf({ org: null, roles: ['owner'] })).toBe(200);
    expect(await statusOf({ roles: ['publisher'] })).toBe(403);
    expect(await statusOf({ roles: ['owner'], scopes: ['releases:read'] })).toBe(403);
  });

  it('is by a key, whatever cookie comes with it', async () => {
    const { cookie } = await cookieOf('viewer');

    for (const sent of [cookie, 'waymark=wrong']) {
      expect((await ask('/items', { method: 'POST', headers: { cookie: sent } })).status).toBe(200);
    }
    expect(host.calls.map(({ caller }) => caller?.kind)).toEqual(['key', 'key']);
  });

  it('says which scope is lacking', async () => {
    const answer = await ask('/items/1', { token: await keyOf({}) });

    expect(bodyOf(answer)).toMatchObject({
      error: 'this needs a key with the scope plugin:example:read',
      code: 'PERM_DENIED',
      details: { scope: 'plugin:example:read' },
    });
  });

  it('is no client', async () => {
    const { token, secretHash: tokenHash } = mintClientToken();
    const enroller = await keyOf({ roles: ['owner'] });
    const { id: enrolledBy } = await app.authenticator.authenticate(enroller);
    await app.stores.clients.insert(makeClient(token, { enrolledBy, tokenHash }), makeEntry());

    for (const path of ['/items/1', '/open', '/nothing']) {
      expect(outcomeOf(await ask(path, { token }))).toEqual([403, 'PERM_DENIED']);
    }
  });

  it('is whoever has logged in, and for a change their own page', async () => {
    const { cookie, csrf, userId } = await cookieOf('viewer', ['sales']);
    const send = (method: string, headers: Record<string, string>) =>
      ask(method === 'GET' ? '/items/1' : '/items', {
        method,
        token: null,
        headers: { cookie, ...headers },
      });

    const read = await send('GET', {});
    const bare = await send('POST', {});
    const forged = await send('POST', { origin: app.url, 'x-csrf-token': 'wrong' });
    const own = await send('POST', { origin: app.url, 'x-csrf-token': csrf });

    expect([read.status, own.status]).toEqual([200, 200]);
    expect([outcomeOf(bare), outcomeOf(forged)]).toEqual(Array(2).fill([403, 'PERM_CSRF']));
    expect(lastParams()['Principal']).toMatchObject({
      id: userId,
      type: 'user',
      roles: ['viewer'],
      scopes: [],
      departmentIds: ['emea', 'sales'],
    });
  });

  it.each<[string, () => Promise<Sent>]>([
    ['a wrong key beside a session', async () => ({ token: 'wmk_wrong' })],
    ['a revoked key', async () => ({ token: await keyOf({ revokedAt: '2026-01-01T00:00:00Z' }) })],
    ['an expired key', async () => ({ token: await keyOf({ expiresAt: '2026-01-01T00:00:00Z' }) })],
    ['a wrong session', async () => ({ token: null, headers: { cookie: 'waymark=wrong' } })],
  ])('is not %s, also of a public route', async (_what, sentBy) => {
    await serve({ grants: ['publicRoutes'] });
    const { cookie } = await cookieOf('owner');
    const { headers, ...sent } = await sentBy();

    for (const path of ['/items/1', '/open']) {
      const answer = await ask(path, { ...sent, headers: { cookie, ...headers } });
      expect(answer.status).toBe(401);
      expect(bodyOf(answer)).toMatchObject({ success: false, error: expect.any(String) });
    }
    expect(host.calls).toEqual([]);
  });

  it('is an outside authority’s people', async () => {
    const names = { user: 'u', tenant: 't', roles: 'r', permissions: 'p', departments: 'd' };
    const claims = { u: 'ada', t: 'acme', r: ['viewer'], d: ['legal'], exp: 0 };
    const caller = callerOfClaims(claims, names);
    const expiresAtMs = Number.POSITIVE_INFINITY;
    await serve({}, { resolveJwt: async () => ({ caller, basis: [], expiresAtMs }) });

    const answer = await ask('/items/1', { token: 'eyJhbGciOiJub25lIn0.e30.AA' });

    expect(answer.status).toBe(200);
    expect(lastParams()['Principal']).toMatchObject({
      id: 'ada',
      type: 'jwt',
      departmentIds: ['legal'],
    });
  });

  it('is who has the permission that the route names, also by the org’s own role', async () => {
    const statusOf = async (roles: Role[]) =>
      (await ask('/audit', { token: await keyOf({ roles, scopes: [...both, 'audit:read'] }) }))
        .status;

    expect(await statusOf(['viewer'])).toBe(403);
    expect(await statusOf(['auditor'])).toBe(200);
    expect(await statusOf(['captain'])).toBe(200);
  });

  it('is told to the plugin', async () => {
    const token = await keyOf({
      roles: ['auditor'],
      scopes: ['plugin:example:read', 'audit:read'],
    });

    await ask('/items/1', { token });

    const { id } = await app.authenticator.authenticate(token);
    expect(lastParams()['Principal']).toEqual({
      id,
      type: 'apiKey',
      roles: ['auditor'],
      permissions: ['audit:read'],
      scopes: ['audit:read', 'plugin:example:read'],
      departmentIds: [],
    });
    expect(host.calls[0]?.caller?.id).toBe(id);
  });
});

describe('a public route', () => {
  const granted: Partial<FakePlugin> = { grants: ['publicRoutes'] };

  it('is for everybody once that was granted', async () => {
    const before = await ask('/open', { token: null });
    await serve(granted);
    const after = await ask('/open', { token: null });

    expect([before.status, after.status]).toEqual([401, 200]);
    expect(lastParams()['Principal']).toEqual({
      id: '',
      type: 'anonymous',
      roles: [],
      permissions: [],
      scopes: [],
      departmentIds: [],
    });
  });

  it('opens no other route of the plugin', async () => {
    await serve(granted);

    expect((await ask('/items/1', { token: null })).status).toBe(401);
    expect((await ask('/open', { token: null, method: 'POST' })).status).toBe(401);
  });

  it('needs no scope of a key', async () => {
    await serve(granted);

    expect((await ask('/open', { token: await keyOf({}) })).status).toBe(200);
  });

  it('is of the organisation that is named, where there are several', async () => {
    await serve(granted, { orgs: ['acme', 'globex'] });
    const statusOf = async (query: string) => (await ask(`/open${query}`, { token: null })).status;

    expect(await statusOf('')).toBe(401);
    expect(await statusOf('?org=nowhere')).toBe(401);
    expect(await statusOf('?org=globex')).toBe(200);
    expect(host.calls).toMatchObject([{ org: 'globex' }]);
  });
});

describe('the organisation and the namespace', () => {
  it('are the credential’s', async () => {
    await serve({}, { orgs: ['acme', 'globex'] });
    const token = await keyOf({ org: 'globex', scopes: both });

    await ask('/items/1?org=acme', { token });
    const foreign = await ask('/items/1', { token, headers: { 'x-waymark-org': 'acme' } });

    expect(host.calls).toMatchObject([{ org: 'globex' }]);
    expect(outcomeOf(foreign)).toEqual([404, 'RES_NOT_FOUND']);
  });

  const bindings = [
    namespace('north', 'emea'),
    namespace('law', 'legal'),
    namespace('dormant', 'emea', { isEnabled: false }),
  ];

  it.each([
    ['north', 200],
    ['law', 404],
    ['dormant', 404],
    ['nowhere', 404],
  ])('of %s are %i for who acts in the department above it', async (id, status) => {
    await serve({}, {}, bindings);
    const { cookie } = await cookieOf('viewer', ['sales']);

    const headers = { cookie, 'x-waymark-namespace': id };
    const answer = await ask('/items/1', { token: null, headers });

    expect(answer.status).toBe(status);
    if (status === 404) {
      const error = `there is no namespace ${id} with the plugin example`;
      expect(bodyOf(answer)).toMatchObject({ error, code: 'RES_NOT_FOUND' });
    } else {
      expect(host.calls[0]?.binding).toEqual({ scope: 'namespace', id: 'north.example' });
    }
  });

  it('are all for administrators, and none for who has no credential', async () => {
    await serve({ grants: ['publicRoutes'] }, {}, bindings);
    const headers = { 'x-waymark-namespace': 'law' };

    const admins = await ask('/open', { token: await keyOf({ roles: ['admin'] }), headers });
    const nobodys = await ask('/open', { token: null, headers });

    expect([admins.status, nobodys.status]).toEqual([200, 404]);
  });
});

describe('how often an API route may be called', () => {
  it('is said by its tier, beside the tenant’s own limit', async () => {
    await serve({}, { rateLimit: 1000 });
    const answers: RawAnswer[] = [];
    for (let i = 0; i < 6; i += 1) answers.push(await ask('/code', { method: 'POST' }));

    const [first, sixth] = [answers[0]!, answers[5]!];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
    });
    expect(Number(sixth.headers['retry-after'])).toBeGreaterThan(800);
    expect(bodyOf(sixth)).toMatchObject({
      code: 'RATE_LIMITED',
      details: { scope: 'plugin:example:auth' },
    });
    expect((await ask('/items/1')).headers['x-ratelimit-limit']).toBe('100');
    const another = await ask('/code', { method: 'POST', token: await keyOf({ scopes: both }) });
    expect(another.status).toBe(200);
  });

  it('is not said where nothing is limited', async () => {
    expect((await ask('/items/1')).headers).not.toHaveProperty('x-ratelimit-limit');
  });
});

describe('the input of an API route', () => {
  const errors = [{ field: '/a', message: 'is missing' }];
  let checked: unknown[];

  beforeEach(async () => {
    checked = [];
    const checkInput: CheckInput = async (_schema, value) => {
      checked.push(value);
      const isValid = typeof value === 'object' && value !== null && 'a' in value;
      return isValid ? { isValid } : { isValid, errors };
    };
    await serve({}, { checkInput });
  });

  it('is its JSON body, and of a GET its query', async () => {
    const posted = await ask('/checked', { method: 'POST', body: '{"a":[1]}' });
    const got = await ask('/checked?a=1&b=2&b=3');

    expect([posted.status, got.status]).toEqual([200, 200]);
    expect(checked).toEqual([{ a: [1] }, { a: '1', b: ['2', '3'] }]);
  });

  it('is refused with everything that is wrong, before the plugin runs', async () => {
    const answer = await ask('/checked', { method: 'POST', body: '{}' });

    expect(answer.status).toBe(400);
    expect(bodyOf(answer)).toMatchObject({
      error: '/a is missing',
      code: 'VAL_FAILED',
      details: { errors },
    });
    expect(host.calls).toEqual([]);
  });

  it.each(['', '{', 'text'])('is refused where it is no JSON: "%s"', async (body) => {
    const answer = await ask('/checked', { method: 'POST', body });

    expect(outcomeOf(answer)).toEqual([400, 'VAL_JSON']);
  });
});

describe('what goes wrong in an API route', () => {
  const fails = (error: unknown) =>
    serve({
      methods: {
        'api.handle': () => {
          throw error;
        },
      },
    });

  it('is the plugin’s own words where it chose a status', async () => {
    await fails(new PluginFault({ code: 'TAKEN', message: '<taken>', httpStatus: 409 }));

    const answer = await ask('/items/1');

    expect([answer.status, answer.text]).toEqual([409, '{"error":"<taken>"}']);
    expect(answer.headers['x-waymark-plugin']).toBe('example@1.0.0');
  });

  it('is 500 without its words where it threw', async () => {
    await fails(new PluginFault({ code: 'Error', message: 'secret' }));

    const answer = await ask('/items/1');

    expect(outcomeOf(answer)).toEqual([500, 'PLG_HANDLER_ERROR']);
    expect(answer.text).not.toContain('secret');
  });

  it('is 500 INTERNAL where the server itself did', async () => {
    await fails(new Error('a bug'));

    const answer = await ask('/items/1');

    expect(answer.status).toBe(500);
    expect(bodyOf(answer)).toMatchObject({ error: 'internal error', code: 'INTERNAL' });
  });

  it('is as it is said of the host', async () => {
    await fails(new WaymarkError('PLG_TIMEOUT', 'too slow'));

    expect(outcomeOf(await ask('/items/1'))).toEqual([504, 'PLG_TIMEOUT']);
  });
});
