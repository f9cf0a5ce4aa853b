import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { packPlugin, writePlugin } from '../support/plugins.ts';
import { askRaw, type RawAnswer } from '../support/raw-request.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

const KEY = 'the-management-key-of-this-test';

/** Says back what it was asked, where it is not told to do something else. */
const ECHO = `
  const json = (value) => ({ Body: btoa(JSON.stringify(value)) });
  const asked = ({ Method, Path, Query, Headers, Body }) => ({ Method, Path, Query, Headers, Body });
  const refusal = Object.assign(new Error('it is taken'), {
    code: 'TAKEN', http_status: 409, details: { by: 'ada' },
  });
`;

const EXAMPLE = `${ECHO}
  const managed = {
    '/plugins/example/echo': (request) => ({
      ...json(asked(request)),
      Headers: { 'X-Plugin-Seen': request.Method, 'Set-Cookie': 'a=b' },
    }),
    '/plugins/example/bold': () => json({ a: [{ '<b>': '<b>&amp;</b>' }], n: 1.5 }),
    '/plugins/example/taken': () => { throw refusal; },
    '/plugins/example/throws': () => { throw new Error('at line secret'); },
    '/dashboard': (request) => ({
      Headers: { 'Content-Type': ['text/html'] },
      Body: btoa('<b>&amp;</b>'),
    }),
    '/plain': () => ({ Body: btoa('plain') }),
    '/old': () => ({ Body: btoa('old') }),
  };
  const endpoints = {
    'items/[id]': ({ Params, Principal, context }) =>
      json({ Params, Principal, greeting: context.config.greeting }),
    'items/mine': () => json({ mine: true }),
    items: (request) => json(asked(request)),
    checked: () => json({ isChecked: true }),
    open: ({ Principal }) => json(Principal),
    throws: () => { throw new Error('at line secret'); },
    taken: () => { throw refusal; },
  };
  export default {
    'management.register': () => ({
      Routes: [
        ...Object.keys(managed).filter((path) => path.startsWith('/plugins/'))
          .map((Path) => ({ Method: 'get', Path })),
        ...['POST', 'PUT', 'PATCH', 'DELETE'].map((Method) => ({ Method, Path: '/plugins/example/echo' })),
        { Method: 'GET', Path: '/plugins/example/old', Menu: 'Old' },
        ...['/plugins/example/a b', '/plugins/example/a\\tb', '/plugins/example/:id',
          '/plugins/example/*', '/plugins/example/../x', '/elsewhere/x'].map((Path) => ({ Path })),
      ],
      Resources: [{ Path: '/dashboard', Menu: 'Dashboard', Description: 'All of it.' }, { Path: '/plain' }],
    }),
    'management.handle': (request) => managed[request.Path](request),
    'api.handle': (request) => endpoints[request.Endpoint](request),
  };
`;

/** Three bad answers are as many as a plugin may give: it has no other part in the test. */
const BAD = `{
  'management.register': () => ({
    Routes: ['base64', 'status', 'large'].map((name) => ({ Path: '/plugins/bad/' + name })),
  }),
  'management.handle': ({ Path }) => ({
    '/plugins/bad/base64': () => ({ Body: 'no base64' }),
    '/plugins/bad/status': () => ({ StatusCode: 99 }),
    '/plugins/bad/large': () => ({ Body: 'QUFB'.repeat(1024 * 1024 + 1) }),
  })[Path](),
}`;

const manifest = {
  capabilities: { management_api: true, api_routes: true },
  permissions: { publicRoutes: true },
  apiRoutes: [
    { method: 'GET', path: 'items/[id]' },
    { method: 'GET', path: 'items/mine' },
    { method: 'POST', path: 'items' },
    {
      method: 'POST',
      path: 'checked',
      input: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } },
    },
    { method: 'GET', path: 'open', auth: 'public' },
    { method: 'GET', path: 'throws' },
    { method: 'GET', path: 'taken' },
  ],
};

/** A plugin whose one route says its id. */
const naming = (id: string, register: string) => ({
  manifest: { id, capabilities: { management_api: true } },
  methods: `{
    'management.register': () => (${register}),
    'management.handle': () => ({ Body: btoa('${id}') }),
  }`,
});

const shared = (own: string) =>
  `{ Routes: [{ Path: '/shared' }, { Path: '${own}' }, { Path: '/plugins' }] }`;
const spelt = (id: string, name: string) => `{ ${name}: [{ path: '/plugins/${id}/a' }] }`;

let dir: string;
let service: TestService;
let org: OrgApi;
let key: string;

beforeAll(async () => {
  dir = await temporaryFolder('waymark-surfaces-');
  await packPlugin(dir, { manifest, script: EXAMPLE });
  await writePlugin(dir, {
    manifest: { id: 'bad', capabilities: { management_api: true } },
    methods: BAD,
  });
  await writePlugin(dir, naming('low', shared('/low')));
  await writePlugin(dir, naming('high', shared('/high')));
  for (const name of ['Routes', 'routes', 'ROUTES']) {
    const id = `spelt-${name.charCodeAt(0)}-${name.charCodeAt(1)}`;
    await writePlugin(dir, naming(id, spelt(id, name)));
  }
  await writePlugin(dir, naming('double', '{ routes: [], ROUTES: [] }'));
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
    WAYMARK_PLUGINS_UNCONFINED: 'low,high',
    WAYMARK_MANAGEMENT_KEY: KEY,
  });
  const spec = {
    plugins: {
      example: { config: { greeting: 'hello' }, grants: ['publicRoutes'] },
      low: { priority: 1 },
      high: { priority: 2 },
      double: {},
      bad: {},
      'spelt-82-111': {},
      'spelt-114-111': {},
      'spelt-82-79': {},
    },
  };
  const registry = JSON.stringify({ apiVersion: 'waymark/v1', kind: 'Registry', spec });
  org = await openOrg(service, { files: { ...smallRegistry, 'registry.yaml': registry } });
  key = (
    await org.post<{ key: string }>('/api-keys', {
      name: 'plugins',
      roles: ['viewer'],
      scopes: ['plugin:example:read', 'plugin:example:write'],
    })
  ).key;
}, 60_000);

afterAll(async () => {
  await org?.close();
  await service?.close();
  await rm(dir, { recursive: true, force: true });
});

type Sent = NonNullable<Parameters<typeof askRaw>[2]>;

const manage = (path: string, { headers = {}, ...sent }: Sent = {}) =>
  askRaw(service.url, `/v0/management${path}`, {
    ...sent,
    headers: { 'x-management-key': KEY, ...headers },
  });

const page = (path: string, sent: Sent = {}) =>
  askRaw(service.url, `/v0/resource/plugins/example${path}`, sent);

const call = (path: string, { headers = {}, ...sent }: Sent = {}) =>
  askRaw(service.url, `/api/v1/plugin/example${path}`, {
    ...sent,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });

const bodyOf = ({ text }: RawAnswer) => JSON.parse(text) as Record<string, unknown>;
const outcomeOf = (answer: RawAnswer) => [answer.status, bodyOf(answer)['code']];

interface Listed {
  data: {
    plugins: { id: string; state: string; menu: { title: string }[]; routes: string[] }[];
    diagnostics: { pluginId: string; route: string; message: string }[];
  };
}

const listed = async () => JSON.parse((await manage('/plugins')).text) as Listed;

describe('management routes', () => {
  it.each(['spelt-82-111', 'spelt-114-111', 'spelt-82-79'])(
    'register however their fields are spelt: %s',
    async (id) => {
      expect((await manage(`/plugins/${id}/a`)).text).toBe(id);
    },
  );

  it('fail the load where a field is spelt twice, of that plugin alone', async () => {
    const answer = await manage('/plugins/double/a');
    const { data } = await listed();

    expect(outcomeOf(answer)).toEqual([503, 'PLG_FAILED']);
    expect(data.plugins.find(({ id }) => id === 'double')?.state).toBe('failed');
    expect((await manage('/plugins/example/bold')).status).toBe(200);
  });

  it('never override the host, and leave a shared path to the higher priority', async () => {
    const texts = await Promise.all(
      ['/shared', '/low', '/high'].map(async (path) => (await manage(path)).text),
    );
    const { data } = await listed();

    expect(texts).toEqual(['high', 'low', 'high']);
    expect(data.plugins.map(({ id }) => id)).toContain('example');
    expect(data.diagnostics).toEqual([
      { pluginId: 'high', route: 'GET /plugins', message: 'is the host’s' },
      { pluginId: 'low', route: 'GET /shared', message: 'is high’s' },
      { pluginId: 'low', route: 'GET /plugins', message: 'is the host’s' },
    ]);
  });

  it('have no path that a router could read otherwise', async () => {
    const { data } = await listed();
    const routes = data.plugins.find(({ id }) => id === 'example')?.routes ?? [];

    expect(routes.every((route) => /^[A-Z]+ \/plugins\/example\/[a-z0-9]+$/.test(route))).toBe(
      true,
    );
    for (const path of [
      '/plugins/example/%65cho',
      '/plugins/x/%2e%2e/example/echo',
      '/plugins%2fexample/echo',
    ]) {
      expect((await manage(path)).status).toBe(404);
    }
  });

  it('get method, path, query and body as they were sent, without credentials', async () => {
    const answer = await manage('/plugins/example/echo?a=1&a=2', {
      method: 'PATCH',
      headers: { cookie: 'a=b', 'x-api-key': 'k', 'x-own': 'yes' },
      body: Buffer.from([0, 1, 255]),
    });

    const { Headers, ...seen } = bodyOf(answer) as { Headers: Record<string, string[]> };
    expect(seen).toEqual({
      Method: 'PATCH',
      Path: '/plugins/example/echo',
      Query: { a: ['1', '2'] },
      Body: 'AAH/',
    });
    expect(Headers['X-Own']).toEqual(['yes']);
    expect(Object.keys(Headers)).not.toContain('Cookie');
    expect(JSON.stringify(Headers)).not.toContain(KEY);
    expect(answer.headers['x-plugin-seen']).toBe('PATCH');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(answer.headers['x-waymark-plugin']).toBe('example@1.0.0');
  });

  it('have no markup in the bytes of JSON', async () => {
    const { text } = await manage('/plugins/example/bold');

    expect(text).not.toMatch(/[<>&]/);
    expect(JSON.parse(text)).toEqual({ a: [{ '<b>': '<b>&amp;</b>' }], n: 1.5 });
  });

  it.each(['base64', 'status', 'large'])('are 502 with a bad answer: %s', async (what) => {
    expect(outcomeOf(await manage(`/plugins/bad/${what}`))).toEqual([502, 'PLG_BAD_RESPONSE']);
  });

  it('are as the plugin chose to fail, else 502 without its words', async () => {
    const [taken, thrown] = [
      await manage('/plugins/example/taken'),
      await manage('/plugins/example/throws'),
    ];

    expect([taken.status, bodyOf(taken)]).toEqual([
      409,
      { error: 'it is taken', details: { by: 'ada' } },
    ]);
    expect(outcomeOf(thrown)).toEqual([502, 'PLG_MANAGEMENT_ERROR']);
    expect(thrown.text).not.toContain('secret');
  });
});

describe('pages', () => {
  it('are for everybody, and those with a menu are in it', async () => {
    const { data } = await listed();
    const dashboard = await page('/dashboard');

    expect([dashboard.status, dashboard.text]).toEqual([200, '<b>&amp;</b>']);
    expect((await page('/plain')).text).toBe('plain');
    expect(data.plugins.find(({ id }) => id === 'example')?.menu).toEqual([
      {
        title: 'Dashboard',
        description: 'All of it.',
        href: '/v0/resource/plugins/example/dashboard',
      },
      { title: 'Old', href: '/v0/resource/plugins/example/old' },
    ]);
  });

  it('come of a GET with a menu, which is no route then', async () => {
    expect((await page('/old')).text).toBe('old');
    expect((await manage('/plugins/example/old')).status).toBe(404);
  });

  it('take no other method', async () => {
    expect(outcomeOf(await page('/dashboard', { method: 'POST' }))).toEqual([405, 'RES_METHOD']);
  });
});

describe('API routes', () => {
  it('get their parameters, who asks, and the configuration', async () => {
    const [one, mine] = [await call('/items/123'), await call('/items/mine')];

    expect(bodyOf(one)).toMatchObject({
      Params: { id: '123' },
      Principal: { type: 'apiKey', roles: ['viewer'] },
      greeting: 'hello',
    });
    expect(bodyOf(mine)).toEqual({ mine: true });
  });

  it('are 404 and 405 with what there is', async () => {
    const [unknown, other] = [await call('/nothing'), await call('/items/1', { method: 'DELETE' })];

    expect(outcomeOf(unknown)).toEqual([404, 'PLG_ENDPOINT_NOT_FOUND']);
    expect(bodyOf(unknown)).toMatchObject({
      details: { availableEndpoints: expect.arrayContaining(['GET items/[id]']) },
    });
    expect(outcomeOf(other)).toEqual([405, 'RES_METHOD']);
  });

  it('have their input checked by its schema', async () => {
    const send = (body: string) => call('/checked', { method: 'POST', body });
    const [right, wrong] = [await send('{"a":1}'), await send('{"a":"1"}')];

    expect(bodyOf(right)).toEqual({ isChecked: true });
    expect(outcomeOf(wrong)).toEqual([400, 'VAL_FAILED']);
    expect(bodyOf(wrong)['details']).toMatchObject({ errors: [{ field: '/a' }] });
  });

  it('take a credential that does, or none where that was granted', async () => {
    const bare = (path: string, headers = {}) =>
      askRaw(service.url, `/api/v1/plugin/example${path}`, { headers });
    const viewer = await org.keyOf({ role: 'viewer' });

    expect(outcomeOf(await bare('/items/1'))).toEqual([401, 'AUTH_TOKEN_MISSING']);
    expect(
      outcomeOf(await call('/items/1', { headers: { authorization: `Bearer ${viewer}` } })),
    ).toEqual([403, 'PERM_DENIED']);
    expect(outcomeOf(await bare('/open', { authorization: 'Bearer wmk_wrong' }))).toEqual([
      401,
      'AUTH_TOKEN_INVALID',
    ]);
    expect(bodyOf(await bare('/open'))).toMatchObject({ type: 'anonymous' });
  });

  it('are as the plugin chose to fail, else 500 without its words', async () => {
    const [taken, thrown] = [await call('/taken'), await call('/throws')];

    expect([taken.status, bodyOf(taken)['error']]).toEqual([409, 'it is taken']);
    expect(outcomeOf(thrown)).toEqual([500, 'PLG_HANDLER_ERROR']);
    expect(thrown.text).not.toContain('secret');
  });

  it('are listed', async () => {
    const headers = { authorization: `Bearer ${key}` };
    const all = await askRaw(service.url, '/api/v1/plugin', { headers });
    const one = await askRaw(service.url, '/api/v1/plugin/example', { headers });

    expect(bodyOf(all)).toMatchObject({
      success: true,
      data: {
        plugins: expect.arrayContaining([expect.objectContaining({ id: 'example', hasAPI: true })]),
      },
    });
    expect(bodyOf(one)).toMatchObject({
      data: {
        id: 'example',
        enabled: true,
        routes: expect.arrayContaining([
          { method: 'GET', path: 'items/[id]', auth: 'user', rateTier: 'api', bridge: false },
        ]),
      },
    });
  });
});

describe('switching a host plugin off', () => {
  it('takes its routes and pages away until it is on again', async () => {
    const statuses = async () => [
      (await manage('/plugins/example/bold')).status,
      (await page('/plain')).status,
      (await call('/items/1')).status,
    ];
    const send = (enabled: boolean) =>
      manage('/plugins/example/enabled', {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ enabled }),
      });

    const before = await statuses();
    await send(false);
    const off = await statuses();
    await send(true);

    expect(before).toEqual([200, 200, 200]);
    expect(off).toEqual([404, 404, 404]);
    expect(await statuses()).toEqual([200, 200, 200]);
  });
});

describe('the management key', () => {
  it('is asked for by routes, and after five wrong ones even the right one is banned', async () => {
    expect((await askRaw(service.url, '/v0/management/plugins/example/bold')).status).toBe(401);
    for (let i = 0; i < 5; i += 1) {
      const wrong = { 'x-management-key': `wrong-${i}` };
      expect((await manage('/plugins/example/bold', { headers: wrong })).status).toBe(401);
    }

    expect(outcomeOf(await manage('/plugins/example/bold'))).toEqual([403, 'PERM_BANNED']);
    expect((await page('/plain')).status).toBe(200);
  });
});
