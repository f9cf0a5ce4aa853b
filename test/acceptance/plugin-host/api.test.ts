import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JwksServer, makeSigningKey, type SigningKey, serveJwks } from '../../support/jwks.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import {
  bodyOf,
  document,
  openPluginSite,
  outcomeOf,
  type PluginSite,
  registryOf,
  type Sent,
} from '../../support/plugin-site.ts';
import type { RawAnswer } from '../../support/raw-request.ts';

const get = (path: string, more = {}) => ({ method: 'GET', path, ...more });
const post = (path: string, more = {}) => ({ method: 'POST', path, ...more });
const TIERS = { read: 200, write: 50, api: 100, auth: 5, strict: 10, webhook: 500 };

const input = {
  type: 'object',
  required: ['count'],
  properties: { count: { type: 'integer' }, words: { type: 'array' } },
};

const probe = {
  manifest: {
    id: 'probe',
    capabilities: { api_routes: true },
    configSchema: { type: 'object', properties: { greeting: { type: 'string' } } },
    apiRoutes: [
      get('items/[id]'),
      get('items/mine'),
      post('items'),
      get('files/[...path]'),
      get('files/new'),
      post('answer'),
      get('conflict'),
      get('throws'),
      post('counted', { input }),
      get('searched', { input: { ...input, properties: {} } }),
      get('open', { auth: 'public' }),
      post('open', { auth: 'public' }),
      get('guarded', { permission: 'plugins:manage' }),
      ...Object.keys(TIERS).map((rateTier) => get(`tier/${rateTier}`, { rateTier })),
      get('tier', { bridge: true }),
    ],
  },
  module: `
    import { definePlugin, PluginError, reply } from 'waymark/plugin';

    export default definePlugin({
      'api.handle'(request) {
        const { context, host_callback_id, ...rest } = request;
        if (rest.Endpoint === 'answer') return JSON.parse(atob(rest.Body));
        if (rest.Endpoint === 'throws') throw new Error('the database is at 10.0.0.7');
        if (rest.Endpoint === 'conflict') {
          throw new PluginError('TAKEN', 'it is <taken>', { httpStatus: 409, details: { by: 'ada' } });
        }
        return reply({ ...rest, greeting: context.config.greeting ?? null, scope: context.scope });
      },
    });
  `,
};

/** The same routes as its sibling's, which was granted to open them. */
const closed = {
  manifest: {
    id: 'closed',
    capabilities: { api_routes: true },
    apiRoutes: [get('open', { auth: 'public' })],
  },
  module: "export default { 'api.handle': () => ({ Body: '' }) };",
};

const BAD = {
  'bad-base64': "({ Body: 'YWJj*' })",
  'bad-status': '({ StatusCode: 99 })',
  'bad-size': "({ Body: 'QUFB'.repeat(1024 * 1024 * 4 / 3 + 1) })",
  'bad-header': "({ Headers: { 'X-Plugin-A': 'a\\r\\nSet-Cookie: a=b' } })",
  bomb: '{ const all = []; for (;;) all.push(new Array(1e5).fill(1.5)); }',
  loop: '{ for (;;); }',
};
const [firstBad = '', ...otherBad] = Object.keys(BAD);
const bad = {
  manifest: { id: firstBad, capabilities: { api_routes: true }, apiRoutes: [get('a')] },
  module: `const answers = { ${Object.entries(BAD)
    .map(([id, text]) => `'${id}': () => ${text}`)
    .join(', ')} };
    export default { 'api.handle': ({ Path }) => answers[Path.split('/')[4]]() };`,
  copies: otherBad,
};

/** Waits for good, but for what is asked again after it was lost. */
const waiting = {
  manifest: {
    id: 'waiting',
    capabilities: { api_routes: true },
    permissions: { kv: true },
    apiRoutes: [get('wait'), post('wait'), get('seen'), get('loop')],
  },
  module: `
    import { definePlugin, reply } from 'waymark/plugin';
    const value = async (key) => (await waymark.call('host.kv.get', { key })).value ?? 0;
    const note = async (key) => {
      const seen = await value(key);
      await waymark.call('host.kv.set', { key, value: seen + 1 });
      return seen;
    };

    export default definePlugin({
      async 'api.handle'({ Method, Endpoint }) {
        if (Endpoint === 'loop') for (;;);
        if (Endpoint === 'seen') return reply({ GET: await value('GET'), POST: await value('POST') });
        const before = await note(Method);
        if (before === 0) await new Promise(() => {});
        return reply('asked again');
      },
    });
  `,
};

const byHand = [
  {
    manifest: {
      id: 'twice',
      capabilities: { api_routes: true },
      apiRoutes: [get('items/[id]'), get('items/[slug]')],
    },
  },
];

const bindings = {
  probe: { config: { greeting: 'of tools' }, grants: ['publicRoutes'] },
  ...Object.fromEntries(['closed', 'twice', ...Object.keys(BAD)].map((id) => [id, {}])),
  waiting: { grants: ['kv'] },
};
const namespace = (department: string) =>
  document('Namespace', {
    department,
    plugins: { probe: { config: { greeting: `of ${department}` } } },
  });

const ISSUER = 'https://authority.example';
let jwks: JwksServer;
let signer: SigningKey;
let site: PluginSite;
let org: OrgApi;
/** Of a viewer whose scopes are both of `probe`'s. */
let key: string;

beforeAll(async () => {
  signer = await makeSigningKey('outside');
  jwks = await serveJwks([signer.publicJwk]);
  site = await openPluginSite({
    authored: [probe, closed, bad, waiting],
    byHand,
    bindings,
    spec: { departments: { sales: {}, emea: { parent: 'sales' }, legal: {} } },
    files: {
      'namespaces/emea.yaml': namespace('emea'),
      'namespaces/legal.yaml': namespace('legal'),
    },
    env: {
      WAYMARK_RATE_LIMIT: '1000000',
      WAYMARK_JWT_ISSUER: ISSUER,
      WAYMARK_JWT_AUDIENCE: 'waymark',
      WAYMARK_JWT_JWKS: jwks.url,
    },
  });
  ({ org } = site);
  key = await keyOf();
}, 120_000);
afterAll(async () => {
  await site?.close();
  await jwks?.close();
});

const BOTH = ['plugin:probe:read', 'plugin:probe:write'];
let keys = 0;

interface MadeKey {
  id: string;
  key: string;
}
const makeKey = (more: object = {}) => {
  keys += 1;
  return org.post<MadeKey>('/api-keys', {
    name: `key-${keys}`,
    roles: ['viewer'],
    scopes: BOTH,
    ...more,
  });
};
const keyOf = async (more?: object) => (await makeKey(more)).key;

interface Person {
  id: string;
  cookie: string;
  csrf: string;
}

/** Somebody new, who has logged in by browser. */
async function logIn(roles: string[], departments: string[] = []): Promise<Person> {
  keys += 1;
  const username = `person-${keys}`;
  const password = 'correct horse battery';
  const { id } = await org.post<{ id: string }>('/users', { username, password });
  const json = { 'content-type': 'application/json' };
  const member = await site.ask(`/api/v1/members/${id}`, {
    method: 'PUT',
    headers: { ...json, authorization: `Bearer ${org.admin}` },
    body: JSON.stringify({ roles, departments }),
  });
  expect(member.status, member.text).toBe(201);
  const session = await site.ask('/api/v1/session', {
    method: 'POST',
    headers: { ...json, origin: site.server.url },
    body: JSON.stringify({ username, password, org: org.org }),
  });
  const [line = ''] = session.headers['set-cookie'] ?? [];
  const data = bodyOf(session)['data'] as { csrfToken: string };
  return { id, cookie: line.split(';')[0]!, csrf: data.csrfToken };
}

const outsider = (claims: object = {}) =>
  signer.sign({
    iss: ISSUER,
    aud: 'waymark',
    exp: Math.floor(Date.now() / 1000) + 600,
    user_id: 'olga',
    tenant_id: 'tools',
    roles: ['viewer'],
    ...claims,
  });

const bare = (path: string, sent?: Sent) => site.ask(`/api/v1/plugin${path}`, sent);
const call = (path: string, { headers, ...sent }: Sent = {}, by = key) =>
  bare(`/probe${path}`, { ...sent, headers: { authorization: `Bearer ${by}`, ...headers } });

const refusalOf = (answer: RawAnswer) => {
  expect(answer.headers['x-waymark-error']).toBe(bodyOf(answer)['code']);
  expect(answer.headers).not.toHaveProperty('x-waymark-plugin');
  expect(bodyOf(answer)).toMatchObject({ success: false, error: expect.any(String) });
  return outcomeOf(answer);
};

describe('12. segments', () => {
  it.each([
    ['/items/123', 'items/[id]', { id: '123' }],
    ['/items/mine', 'items/mine', {}],
    ['/items/%6dine', 'items/mine', {}],
    ['/items/a%2Fb', 'items/[id]', { id: 'a/b' }],
    ['/items/a%252Fb', 'items/[id]', { id: 'a%2Fb' }],
    ['/items/%5c%20%3Cb%3E', 'items/[id]', { id: '\\ <b>' }],
    ['/items/__proto__', 'items/[id]', { id: '__proto__' }],
    ['/files/new', 'files/new', {}],
    ['/files/a/b%2Fc/d', 'files/[...path]', { path: ['a', 'b/c', 'd'] }],
  ])('lead %s to %s', async (path, Endpoint, Params) => {
    const answer = await call(path);

    expect(bodyOf(answer)).toMatchObject({ Endpoint, Params, Path: `/api/v1/plugin/probe${path}` });
    expect(answer.headers['x-waymark-plugin']).toBe('probe@1.0.0');
  });

  it.each([
    '/nothing',
    '/items',
    '/items/1/2',
    '/files',
    '/items/',
    '/items/1/',
    '//items/1',
    '/items/..',
    '/items/%2e%2e',
    '/items/%2E',
    '/files/a/../b',
    '/files/a/%2e%2e/b',
    '/items/%',
    '/items/%ff',
    '/items/%00',
    '/Items/1',
    '/items%2f1',
    '/..%2fprobe/items/1',
  ])('lead nowhere of %s', async (path) => {
    // With `items` only POST is possible.
    expect([404, 405]).toContain((await call(path)).status);
    expect((await call(path)).headers).not.toHaveProperty('x-waymark-plugin');
  });

  it('are told where there is no such endpoint', async () => {
    const answer = await call('/nothing');

    expect(refusalOf(answer)).toEqual([404, 'PLG_ENDPOINT_NOT_FOUND']);
    expect(bodyOf(answer)['details']).toEqual({
      availableEndpoints: probe.manifest.apiRoutes.map(({ method, path }) => `${method} ${path}`),
    });
  });

  it('have the methods that they have', async () => {
    const [items, open] = [
      await call('/items/1', { method: 'DELETE' }),
      await call('/open', { method: 'PATCH' }),
    ];

    expect(refusalOf(items)).toEqual([405, 'RES_METHOD']);
    expect(items.headers.allow).toBe('GET, HEAD');
    expect(open.headers.allow).toBe('GET, POST, HEAD');
  });

  it('answer HEAD by GET', async () => {
    const [answer, head] = [await call('/items/1'), await call('/items/1', { method: 'HEAD' })];

    expect(bodyOf(answer)['Method']).toBe('GET');
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-type']).toBe(answer.headers['content-type']);
    expect(head.headers['content-length']).toBe(answer.headers['content-length']);
  });

  it('of one shape and method fail the load', async () => {
    const answer = await bare('/twice/items/1', {
      headers: { authorization: `Bearer ${org.admin}` },
    });

    expect(refusalOf(answer)).toEqual([503, 'PLG_FAILED']);
  });

  it('of one shape and method refuse what is pushed', async () => {
    const capabilities = { api_routes: true };
    const manifest = { id: 'sales', capabilities, apiRoutes: byHand[0]!.manifest.apiRoutes };
    const push = org.push({
      'plugins/sales/server/plugin.json': JSON.stringify(manifest),
      'plugins/sales/server/index.js': 'export default {};',
    });

    await expect(push).rejects.toThrow('a second time');
  });
});

describe('12. input', () => {
  const send = (body: string) => call('/counted', { method: 'POST', body });

  it('is the JSON body as it stands, and of GET the query', async () => {
    const [counted, searched] = [
      await send('{"count":1,"more":[]}'),
      await call('/searched?count=1&words=a&words=b'),
    ];

    expect([counted.status, searched.status]).toEqual([200, 200]);
    expect(Buffer.from(bodyOf(counted)['Body'] as string, 'base64').toString()).toBe(
      '{"count":1,"more":[]}',
    );
  });

  it('is 400 with everything that is wrong', async () => {
    const answer = await send('{"count":"1","words":2}');

    expect(refusalOf(answer)).toEqual([400, 'VAL_FAILED']);
    expect(bodyOf(answer)['details']).toEqual({
      errors: [
        { field: '/count', message: expect.any(String) },
        { field: '/words', message: expect.any(String) },
      ],
    });
    expect(refusalOf(await call('/searched?words=1'))).toEqual([400, 'VAL_FAILED']);
    expect(refusalOf(await send('{"count":'))).toEqual([400, 'VAL_JSON']);
    expect(refusalOf(await send(''))).toEqual([400, 'VAL_JSON']);
  });

  it('is at most 1 MiB', async () => {
    const send = (bytes: number) => call('/items', { method: 'POST', body: Buffer.alloc(bytes) });

    expect((await send(1024 * 1024)).status).toBe(200);
    expect(refusalOf(await send(1024 * 1024 + 1))).toEqual([413, 'VAL_TOO_LARGE']);
  });
});

describe('6. what a handler gets and what comes back', () => {
  it('is the request without credentials, and who asks', async () => {
    const answer = await call('/items?a=1&a=2', {
      method: 'POST',
      body: Buffer.from([0, 255]),
      headers: {
        'x-api-key': key,
        cookie: 'a=b',
        'x-csrf-token': 'secret',
        'x-forwarded-for': '10.0.0.1',
        'proxy-authorization': 'secret',
        'idempotency-key': 'once',
        'x-own': 'yes',
      },
    });

    expect(bodyOf(answer)).toEqual({
      Method: 'POST',
      Path: '/api/v1/plugin/probe/items',
      Endpoint: 'items',
      Params: {},
      Query: { a: ['1', '2'] },
      Headers: {
        Host: [expect.any(String)],
        'Content-Length': ['2'],
        'Idempotency-Key': ['once'],
        'X-Own': ['yes'],
      },
      Body: 'AP8=',
      Principal: {
        id: expect.any(String),
        type: 'apiKey',
        roles: ['viewer'],
        permissions: expect.any(Array),
        scopes: BOTH,
        departmentIds: [],
      },
      greeting: 'of tools',
      scope: 'org',
    });
    expect(answer.text).not.toContain(key);
  });

  it('is the plugin’s own body, markup and all', async () => {
    const text = '{"a": "<b>&amp;</b>", "n": 1.50}';
    const answer = await call('/answer', {
      method: 'POST',
      body: JSON.stringify({
        StatusCode: 418,
        Headers: {
          'Content-Type': 'application/json',
          'Set-Cookie': 'a=b',
          Location: '/api/v1/session',
        },
        Body: Buffer.from(text).toString('base64'),
      }),
    });

    expect([answer.status, answer.text]).toEqual([418, text]);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-waymark-plugin': 'probe@1.0.0',
    });
    for (const name of ['set-cookie', 'location', 'x-waymark-error']) {
      expect(answer.headers).not.toHaveProperty(name);
    }
  });

  it.each([
    ['items/1', '/api/v1/plugin/probe/items/1'],
    ['/api/v1/plugin/probe/items/1', '/api/v1/plugin/probe/items/1'],
    ['/api/v1/plugin/other/items', undefined],
    ['/api/v1/plugin/probe/../other/items', undefined],
    ['https://elsewhere.example', undefined],
  ])('may lead to %s: %s', async (location, sent) => {
    const body = JSON.stringify({ StatusCode: 302, Headers: { location } });
    const answer = await call('/answer', { method: 'POST', body });

    expect([answer.status, answer.headers.location]).toEqual([302, sent]);
  });
});

describe('8. what goes wrong', () => {
  it.each([
    ...['bad-base64', 'bad-status', 'bad-size', 'bad-header'].map(
      (id) => [id, 502, 'PLG_BAD_RESPONSE'] as const,
    ),
    ['bomb', 502, 'PLG_OUT_OF_MEMORY'] as const,
    ['loop', 504, 'PLG_TIMEOUT'] as const,
  ])('is %s: %i %s', async (id, status, code) => {
    const answer = await bare(`/${id}/a`, { headers: { authorization: `Bearer ${org.admin}` } });

    expect(refusalOf(answer)).toEqual([status, code]);
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  it('is what the plugin chose', async () => {
    const answer = await call('/conflict');

    expect([answer.status, bodyOf(answer)]).toEqual([
      409,
      { error: 'it is <taken>', details: { by: 'ada' } },
    ]);
    expect(answer.headers['x-waymark-plugin']).toBe('probe@1.0.0');
    expect(answer.headers).not.toHaveProperty('x-waymark-error');
  });

  it('is 500 where it threw, and told in the log alone', async () => {
    const answer = await call('/throws');

    expect(refusalOf(answer)).toEqual([500, 'PLG_HANDLER_ERROR']);
    expect(answer.text).not.toContain('10.0.0.7');
    await expect.poll(() => site.server.log()).toContain('10.0.0.7');
  });

  it('is once more asked by GET where another’s call ended the guest, and else 503', async () => {
    const headers = { authorization: `Bearer ${org.admin}` };
    const ask = (path: string, method = 'GET') => bare(`/waiting/${path}`, { method, headers });
    expect(bodyOf(await ask('seen'))).toEqual({ GET: 0, POST: 0 });
    const [got, posted] = [ask('wait'), ask('wait', 'POST')];
    await expect.poll(async () => bodyOf(await ask('seen'))).toEqual({ GET: 1, POST: 1 });

    expect(outcomeOf(await ask('loop'))).toEqual([504, 'PLG_TIMEOUT']);
    expect((await got).text).toBe('asked again');
    expect(refusalOf(await posted)).toEqual([503, 'PLG_RESTARTED']);
    expect(Number((await posted).headers['retry-after'])).toBeGreaterThan(0);
  }, 60_000);
});

describe('11. who may', () => {
  it('is nobody without a credential, whether or not there is such a plugin', async () => {
    const answers = await Promise.all(
      ['/probe/items/1', '/probe/nothing', '/nowhere/items', '/closed/open', '/twice/a'].map(
        (path) => bare(path),
      ),
    );

    for (const answer of answers) {
      expect(refusalOf(answer)).toEqual([401, 'AUTH_TOKEN_MISSING']);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    expect(new Set(answers.map((one) => bodyOf(one)['error'])).size).toBe(1);
  });

  it('is who has a key, by either header, and by it alone', async () => {
    const { cookie } = await logIn(['viewer']);
    const asked = await Promise.all([
      bare('/probe/items/1', { headers: { 'x-api-key': key } }),
      call('/items/1', { headers: { cookie } }),
      call('/items', { method: 'POST', headers: { cookie } }),
      call('/items/1', { headers: { cookie: 'waymark=wrong' } }),
    ]);

    expect(asked.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(bodyOf(asked[1]!)['Principal']).toMatchObject({ type: 'apiKey' });
  });

  it('is nobody by a wrong key, whatever else comes with it', async () => {
    const { cookie, csrf } = await logIn(['admin']);
    const headers = { cookie, 'x-csrf-token': csrf, origin: site.server.url };
    const { id, key: revoked } = await makeKey();
    const end = { method: 'DELETE', headers: { authorization: `Bearer ${org.admin}` } };
    expect((await call('/items/1', {}, revoked)).status).toBe(200);
    expect((await site.ask(`/api/v1/api-keys/${id}`, end)).status).toBe(204);

    for (const path of ['/items/1', '/open']) {
      expect(refusalOf(await call(path, { headers }, 'wmk_wrong'))).toEqual([
        401,
        'AUTH_TOKEN_INVALID',
      ]);
      expect(refusalOf(await call(path, { headers }, revoked))).toEqual([
        401,
        'AUTH_TOKEN_REVOKED',
      ]);
      expect((await bare(`/probe${path}`, { headers: { 'x-api-key': '', cookie } })).status).toBe(
        401,
      );
      expect((await bare(`/probe${path}`, { headers: { cookie: 'waymark=wrong' } })).status).toBe(
        401,
      );
      const both = { 'x-api-key': 'wmk_wrong' };
      expect((await call(path, { headers: both })).status).toBe(401);
    }
  });

  it('is who has logged in, and for a change from this server’s page', async () => {
    const { id, cookie, csrf } = await logIn(['viewer'], ['sales']);
    const ask = (method: string, headers = {}) =>
      bare(method === 'GET' ? '/probe/items/1' : '/probe/items', {
        method,
        headers: { cookie, ...headers },
      });
    const origin = site.server.url;

    expect(bodyOf(await ask('GET'))['Principal']).toMatchObject({
      id,
      type: 'user',
      roles: ['viewer'],
      departmentIds: ['emea', 'sales'],
    });
    expect(refusalOf(await ask('POST'))).toEqual([403, 'PERM_CSRF']);
    expect(refusalOf(await ask('POST', { origin }))).toEqual([403, 'PERM_CSRF']);
    expect(refusalOf(await ask('POST', { origin, 'x-csrf-token': 'wrong' }))).toEqual([
      403,
      'PERM_CSRF',
    ]);
    expect(
      refusalOf(await ask('POST', { origin: 'https://evil.example', 'x-csrf-token': csrf })),
    ).toEqual([403, 'PERM_CSRF']);
    expect((await ask('POST', { origin, 'x-csrf-token': csrf })).status).toBe(200);
  });

  it('is a key by its scope, for reading and writing apart', async () => {
    const [read, write, other, none] = [
      await keyOf({ scopes: ['plugin:probe:read'] }),
      await keyOf({ scopes: ['plugin:probe:write'] }),
      await keyOf({ roles: ['admin'], scopes: ['plugin:closed:read', 'registry:read'] }),
      await keyOf({ scopes: undefined }),
    ];
    const statuses = async (by: string) => [
      (await call('/items/1', {}, by)).status,
      (await call('/items/1', { method: 'HEAD' }, by)).status,
      (await call('/items', { method: 'POST' }, by)).status,
    ];

    expect(await statuses(read)).toEqual([200, 200, 403]);
    expect(await statuses(write)).toEqual([403, 403, 200]);
    expect(await statuses(other)).toEqual([403, 403, 403]);
    expect(await statuses(none)).toEqual([403, 403, 403]);
    const refused = await call('/items/1', {}, write);
    expect(refusalOf(refused)).toEqual([403, 'PERM_DENIED']);
    expect(bodyOf(refused)['details']).toEqual({ scope: 'plugin:probe:read' });
  });

  it('is no more by a token than by the key that it is for', async () => {
    const tokenOf = async (by: string, scope?: string) => {
      const body = JSON.stringify({ grant_type: 'client_credentials', ...(scope && { scope }) });
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${by}` };
      const answer = await site.ask('/api/v1/auth/token', { method: 'POST', headers, body });
      return bodyOf(answer)['access_token'] as string;
    };
    const outside = await keyOf({ scopes: ['registry:read'] });

    expect((await call('/items/1', {}, await tokenOf(key))).status).toBe(200);
    expect((await call('/items/1', {}, await tokenOf(outside))).status).toBe(403);
    const narrow = await tokenOf(key, 'plugin:probe:read');
    expect((await call('/items/1', {}, narrow)).status).toBe(200);
    expect((await call('/items', { method: 'POST' }, narrow)).status).toBe(403);
  });

  it('is who an outside authority vouches for', async () => {
    const right = await call('/items/1', {}, await outsider({ departments: ['legal'] }));
    const late = await call('/items/1', {}, await outsider({ exp: 1_700_000_000 }));
    const forged = await (await makeSigningKey('outside')).sign({ iss: ISSUER, aud: 'waymark' });

    expect(bodyOf(right)['Principal']).toMatchObject({
      id: 'olga',
      type: 'jwt',
      departmentIds: ['legal'],
    });
    expect(refusalOf(late)).toEqual([401, 'AUTH_TOKEN_EXPIRED']);
    expect(refusalOf(await call('/items/1', {}, forged))).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it('is who has the permission that the route names', async () => {
    const admin = await keyOf({ roles: ['admin'], scopes: [...BOTH, 'plugins:manage'] });
    const refused = await call('/guarded');

    expect(refusalOf(refused)).toEqual([403, 'PERM_DENIED']);
    expect(bodyOf(refused)['details']).toEqual({ permission: 'plugins:manage' });
    expect((await call('/guarded', {}, admin)).status).toBe(200);
  });

  it('is no client', async () => {
    const { token } = await org.enrol(org.admin);

    for (const path of ['/items/1', '/open', '/nothing']) {
      expect(refusalOf(await call(path, {}, token))).toEqual([403, 'PERM_DENIED']);
    }
  });
});

describe('a public route', () => {
  it('is for everybody where that was granted', async () => {
    const [got, posted] = [
      await bare('/probe/open'),
      await bare('/probe/open', { method: 'POST' }),
    ];

    expect([got.status, posted.status]).toEqual([200, 200]);
    expect(bodyOf(got)['Principal']).toEqual({
      id: '',
      type: 'anonymous',
      roles: [],
      permissions: [],
      scopes: [],
      departmentIds: [],
    });
    expect(refusalOf(await bare('/closed/open'))).toEqual([401, 'AUTH_TOKEN_MISSING']);
  });

  it('opens no namespace', async () => {
    const headers = { 'x-waymark-namespace': 'emea' };

    expect(refusalOf(await bare('/probe/open', { headers }))).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('X-Waymark-Namespace', () => {
  it.each([
    ['emea', 200, 'of emea'],
    ['legal', 404, undefined],
    ['nowhere', 404, undefined],
    ['../emea', 404, undefined],
    ['emea.probe', 404, undefined],
    ['', 404, undefined],
  ])('%j of somebody in its parent department is %i', async (name, status, greeting) => {
    const { cookie } = await logIn(['viewer'], ['sales']);
    const answer = await bare('/probe/items/1', {
      headers: { cookie, 'x-waymark-namespace': name },
    });

    expect(answer.status).toBe(status);
    expect(bodyOf(answer)['greeting']).toBe(greeting);
  });

  it('is any of the organisation’s for an administrator', async () => {
    const headers = { 'x-waymark-namespace': 'legal' };

    expect(bodyOf(await call('/items/1', { headers }, org.admin))).toMatchObject({
      greeting: 'of legal',
      scope: 'namespace',
    });
  });
});

describe('rate tiers', () => {
  it.each(Object.entries(TIERS))('%s is %i requests', async (tier, limit) => {
    const own = await keyOf();
    const { status, headers } = await call(`/tier/${tier}`, {}, own);

    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(limit - 1),
    });
    const windowSec = Number(headers['x-ratelimit-reset']) - Date.now() / 1000;
    const longest = tier === 'auth' ? 900 : ['strict', 'webhook'].includes(tier) ? 3600 : 60;
    expect(windowSec).toBeLessThanOrEqual(longest + 1);
    expect(windowSec).toBeGreaterThan(longest / 2);
  });

  it('are api where none is named', async () => {
    expect((await call('/tier')).headers['x-ratelimit-limit']).toBe('100');
  });

  it('are 429 once they are used up, for that caller alone', async () => {
    const [own, other] = [await keyOf(), await keyOf()];
    for (let i = 0; i < TIERS.auth; i += 1) {
      expect((await call('/tier/auth', {}, own)).status).toBe(200);
    }
    const answer = await call('/tier/auth', {}, own);

    expect(refusalOf(answer)).toEqual([429, 'RATE_LIMITED']);
    expect(bodyOf(answer)['details']).toMatchObject({ scope: 'plugin:probe:auth' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['x-ratelimit-remaining']).toBe('0');
    expect((await call('/tier/auth', {}, other)).status).toBe(200);
    expect((await call('/tier/strict', {}, own)).status).toBe(200);
  });
});

describe('what there is', () => {
  const headers = () => ({ authorization: `Bearer ${key}` });

  it('is listed in the envelope', async () => {
    const answer = await bare('', { headers: headers() });
    const { success, data, meta } = bodyOf(answer) as {
      success: boolean;
      data: { plugins: { id: string }[]; totalPlugins: number };
      meta: object;
    };

    expect(success).toBe(true);
    expect(meta).toMatchObject({ requestId: expect.any(String) });
    expect(Object.keys(data).sort()).toEqual([
      'enabledPlugins',
      'plugins',
      'pluginsWithAPI',
      'totalPlugins',
    ]);
    expect(data.totalPlugins).toBe(data.plugins.length);
    expect(data.plugins).toContainEqual({
      id: 'probe',
      name: 'Example',
      version: '1.0.0',
      enabled: true,
      hasAPI: true,
    });
  });

  it('has its routes', async () => {
    const { data } = bodyOf(await bare('/probe', { headers: headers() })) as {
      data: { routes: object[] };
    };

    expect(data.routes).toHaveLength(probe.manifest.apiRoutes.length);
    expect(data.routes).toContainEqual({
      method: 'GET',
      path: 'tier',
      auth: 'user',
      rateTier: 'api',
      bridge: true,
    });
  });

  it('is refused in the envelope, to who has no credential and of what is unknown', async () => {
    const [anonymous, unknown] = [
      await bare('/probe'),
      await bare('/nowhere', { headers: headers() }),
    ];

    expect([anonymous.status, bodyOf(anonymous)['error']]).toMatchObject([
      401,
      { code: 'AUTH_TOKEN_MISSING' },
    ]);
    expect([unknown.status, bodyOf(unknown)['error']]).toMatchObject([
      404,
      { code: 'PLG_NOT_FOUND' },
    ]);
  });
});

describe('where there are several organisations', () => {
  let other: OrgApi;
  beforeAll(async () => {
    other = await openOrg(
      { url: site.server.url, admin: site.server.adminKey },
      {
        org: 'zoo',
        files: registryOf({
          bindings: { probe: { config: { greeting: 'of zoo' }, grants: ['publicRoutes'] } },
        }),
      },
    );
  });
  afterAll(() => other?.close());

  it('a public route is of the one that is named', async () => {
    expect(bodyOf(await bare('/probe/open?org=tools'))['greeting']).toBe('of tools');
    expect(bodyOf(await bare('/probe/open?org=zoo'))['greeting']).toBe('of zoo');
    for (const query of ['', '?org=nowhere', '?org=', '?org=*']) {
      expect(refusalOf(await bare(`/probe/open${query}`))).toEqual([401, 'AUTH_TOKEN_MISSING']);
    }
  });

  it('a credential decides, and names no other’s', async () => {
    expect(bodyOf(await call('/open?org=zoo'))['greeting']).toBe('of tools');
    const foreign = await call('/items/1', { headers: { 'x-waymark-org': 'zoo' } });
    expect(refusalOf(foreign)).toEqual([404, 'RES_NOT_FOUND']);
    const admins = await call(
      '/items/1',
      { headers: { 'x-waymark-org': 'zoo' } },
      site.server.adminKey,
    );
    expect(bodyOf(admins)['greeting']).toBe('of zoo');
  });
});
