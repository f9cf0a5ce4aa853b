import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { WaymarkError } from '../../src/model/errors.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { MANAGEMENT_KEY, serveApp, type TestApp } from '../support/app.ts';
import {
  type FakePlugin,
  type FakePluginHost,
  fakePluginHost,
} from '../support/fakes/plugin-host.ts';
import { askRaw } from '../support/raw-request.ts';

const KEY = { 'x-management-key': MANAGEMENT_KEY };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const routes = (...all: string[]) => ({
  Routes: all.map((one) => {
    const [Method, Path] = one.split(' ');
    return { Method, Path };
  }),
});

let app: TestApp;
let host: FakePluginHost;

afterEach(() => app.close());

async function serve(fakes: readonly FakePlugin[], orgs: readonly string[] = ['acme']) {
  host = fakePluginHost(fakes);
  app = await serveApp({ rows: () => [], plugins: host, orgs });
}

/** One plugin with one route, which answers as said. */
const serveAnswer = (answer: unknown, method = 'GET') =>
  serve([
    {
      id: 'example',
      management: routes(`${method} /plugins/example/a`),
      methods: {
        'management.handle': typeof answer === 'function' ? (answer as never) : () => answer,
      },
    },
  ]);

const ask = (path: string, asked: Parameters<typeof askRaw>[2] = {}) =>
  askRaw(app.url, `/v0/management${path}`, { ...asked, headers: { ...KEY, ...asked.headers } });

const bodyOf = ({ text }: { text: string }) => JSON.parse(text) as Record<string, unknown>;

describe('a management route', () => {
  it('needs the management key, whatever the path', async () => {
    await serveAnswer({});

    const missing = await askRaw(app.url, '/v0/management/plugins/example/a');
    const wrong = await ask('/plugins/example/a', { headers: { 'x-management-key': 'wrong' } });

    expect([missing.status, wrong.status]).toEqual([401, 401]);
    expect(bodyOf(missing)).toMatchObject({
      success: false,
      error: expect.stringContaining('management key'),
      code: 'AUTH_TOKEN_MISSING',
      meta: { requestId: expect.any(String) },
    });
    expect(missing.headers['x-waymark-error']).toBe('AUTH_TOKEN_MISSING');
    expect(host.calls).toEqual([]);
  });

  it('gets method, path, query and body as they are, and no credential', async () => {
    await serveAnswer(() => ({}), 'POST');

    await ask('/plugins/example/a?x=1&y=%C3%A4&x=2', {
      method: 'POST',
      headers: {
        ...KEY,
        authorization: `Bearer ${MANAGEMENT_KEY}`,
        cookie: 'a=b',
        'x-api-key': 'k',
        'x-csrf-token': 't',
        'x-forwarded-for': '10.0.0.1',
        'content-type': 'text/plain',
        'x-own': ['1', '2'],
      },
      body: Buffer.from([0, 255, 10]),
    });

    expect(host.calls).toMatchObject([
      {
        org: 'acme',
        pluginId: 'example',
        method: 'management.handle',
        isRepeatable: false,
        params: {
          Method: 'POST',
          Path: '/plugins/example/a',
          Query: { x: ['1', '2'], y: ['ä'] },
          Body: 'AP8K',
        },
      },
    ]);
    const { Headers } = host.calls[0]!.params as { Headers: Record<string, string[]> };
    expect(Headers).toEqual({
      'Content-Length': ['3'],
      'Content-Type': ['text/plain'],
      Host: [new URL(app.url).host],
      'X-Own': ['1', '2'],
    });
  });

  it('gets what a packed body has in it', async () => {
    await serveAnswer(() => ({}), 'POST');

    const body = gzipSync('text');
    await ask('/plugins/example/a', {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body,
    });

    expect(host.calls[0]?.params).toMatchObject({ Body: base64('text') });
    expect(host.calls[0]?.params).not.toHaveProperty('Headers.Content-Encoding');
  });

  it('takes a body of 1 MiB, and no larger one, packed or not', async () => {
    await serveAnswer(() => ({}), 'POST');
    const post = (body: Buffer, headers = {}) =>
      ask('/plugins/example/a', { method: 'POST', headers, body });

    const fits = await post(Buffer.alloc(1_048_576));
    const large = await post(Buffer.alloc(1_048_577));
    const bomb = await post(gzipSync(Buffer.alloc(1_048_577)), { 'content-encoding': 'gzip' });

    expect([fits.status, large.status, bomb.status]).toEqual([200, 413, 413]);
    expect(bodyOf(bomb)).toMatchObject({ code: 'VAL_TOO_LARGE' });
    expect(host.calls).toHaveLength(1);
  });

  it('refuses more than 64 headers', async () => {
    await serveAnswer({});
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x-h-${i}`, '']));

    const answer = await ask('/plugins/example/a', { headers: many });

    expect([answer.status, bodyOf(answer)['code']]).toEqual([400, 'VAL_FAILED']);
  });

  it('says who answered, and nothing of a cookie', async () => {
    await serveAnswer({
      StatusCode: 201,
      Headers: { 'Content-Type': ['text/csv'], 'Set-Cookie': ['a=b'], 'X-Plugin-A': '1' },
      Body: base64('a,b'),
    });

    const { status, headers, text } = await ask('/plugins/example/a');

    expect([status, text]).toEqual([201, 'a,b']);
    expect(headers).toMatchObject({
      'content-type': 'text/csv',
      'x-plugin-a': '1',
      'x-waymark-plugin': 'example@1.0.0',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; sandbox",
    });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(headers).not.toHaveProperty('x-waymark-error');
  });

  it('leaves no markup in JSON, and its values as they are', async () => {
    const value = { name: '<b>bold</b> & more', n: 1.5, list: ['<'] };
    await serveAnswer({ Body: base64(JSON.stringify(value)) });

    const { text } = await ask('/plugins/example/a');

    expect(text).not.toContain('<');
    expect(JSON.parse(text)).toEqual(value);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'may have the method %s',
    async (method) => {
      await serveAnswer({ StatusCode: 202 }, method);

      expect((await ask('/plugins/example/a', { method })).status).toBe(202);
      expect(host.calls[0]?.params).toMatchObject({ Method: method });
    },
  );

  it('answers HEAD by GET, without the body', async () => {
    await serveAnswer({ Body: base64('text') });

    const { status, headers, text } = await ask('/plugins/example/a', { method: 'HEAD' });

    expect([status, headers['content-length'], text]).toEqual([200, '4', '']);
  });

  it('is 405 with another method, and says which there are', async () => {
    await serveAnswer({}, 'POST');

    const answer = await ask('/plugins/example/a', { method: 'DELETE' });

    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    expect(bodyOf(answer)).toMatchObject({ code: 'RES_METHOD' });
  });

  it.each([
    '/plugins/example/%61',
    '/plugins/example%2fa',
    '/plugins/example%5ca',
    '/plugins/example/%2e/a',
    '/plugins/other/%2e%2e/example/a',
    '/plugins/other/../example/a',
    '/plugins/example/./a',
    '/plugins//example/a',
    '/plugins/example/a/',
    '/Plugins/example/a',
    '/plugins/example/A',
  ])('is not found at %s', async (path) => {
    await serveAnswer({});

    expect((await ask(path)).status).toBe(404);
    expect(host.calls).toEqual([]);
  });

  it('of a plugin that is unknown or off is PLG_NOT_FOUND', async () => {
    const management = routes('GET /plugins/example/a');
    await serve([{ id: 'example', management, isEnabled: false }]);

    for (const id of ['example', 'another']) {
      const answer = await ask(`/plugins/${id}/a`);
      expect([answer.status, bodyOf(answer)['code']]).toEqual([404, 'PLG_NOT_FOUND']);
    }
  });

  it('of a plugin that could not be loaded is PLG_FAILED', async () => {
    await serve([{ id: 'example', state: 'failed' }]);

    const answer = await ask('/plugins/example/a');

    expect([answer.status, bodyOf(answer)['code']]).toEqual([503, 'PLG_FAILED']);
    expect(answer.headers['retry-after']).toBe('5');
  });

  it('that the plugin does not have is told with those that it has', async () => {
    await serveAnswer({});

    expect(bodyOf(await ask('/plugins/example/b'))).toMatchObject({
      code: 'PLG_ENDPOINT_NOT_FOUND',
      details: { availableEndpoints: ['GET /plugins/example/a'] },
    });
  });

  it('is one for each method and path: the higher priority’s, and the other keeps the rest', async () => {
    const methods = (name: string): NonNullable<FakePlugin['methods']> => ({
      'management.handle': () => ({ Body: base64(name) }),
    });
    const fake = (id: string, priority: number, ...own: string[]): FakePlugin => ({
      id,
      priority,
      isUnconfined: true,
      management: routes(...own),
      methods: methods(id),
    });
    await serve([
      fake('low', 1, 'GET /shared', 'GET /low', 'GET /plugins', 'PATCH /plugins/x/enabled'),
      fake('high', 2, 'GET /shared'),
    ]);

    const [shared, low, list] = [await ask('/shared'), await ask('/low'), await ask('/plugins')];

    expect([shared.text, low.text]).toEqual(['high', 'low']);
    expect(bodyOf(list)).toMatchObject({
      data: {
        diagnostics: [
          { pluginId: 'low', route: 'GET /shared', message: 'is high’s' },
          { pluginId: 'low', route: 'GET /plugins', message: 'is the host’s' },
          { pluginId: 'low', route: 'PATCH /plugins/x/enabled', message: 'is the host’s' },
        ],
      },
    });
  });
});

describe('what goes wrong in a management route', () => {
  const fails = (error: unknown) =>
    serveAnswer(() => {
      throw error;
    });

  it('is the plugin’s own words where it chose a status', async () => {
    const details = { have: '<2>' };
    await fails(
      new PluginFault({ code: 'TAKEN', message: '<b>taken</b>', httpStatus: 409, details }),
    );

    const answer = await ask('/plugins/example/a');

    expect(answer.status).toBe(409);
    expect(answer.headers['x-waymark-plugin']).toBe('example@1.0.0');
    expect(answer.text).not.toContain('<');
    expect(bodyOf(answer)).toEqual({ error: '<b>taken</b>', details });
  });

  it('is 502 without its words where it threw', async () => {
    await fails(new PluginFault({ code: 'Error', message: 'at /srv/secret.js' }));

    const answer = await ask('/plugins/example/a');

    expect([answer.status, bodyOf(answer)['code']]).toEqual([502, 'PLG_MANAGEMENT_ERROR']);
    expect(answer.text).not.toContain('secret');
    expect(String((app.logged[0] as Error).cause)).toContain('/srv/secret.js');
  });

  it.each<[unknown]>([
    [{ StatusCode: 99 }],
    [{ StatusCode: 600 }],
    [{ Body: 'no base64' }],
    [{ Body: Buffer.alloc(4 * 1024 * 1024 + 1).toString('base64') }],
    [null],
  ])('is 502 PLG_BAD_RESPONSE for an answer that is none', async (answered) => {
    await serveAnswer(answered);

    const answer = await ask('/plugins/example/a');

    expect([answer.status, bodyOf(answer)['code']]).toEqual([502, 'PLG_BAD_RESPONSE']);
    expect(answer.headers['x-waymark-error']).toBe('PLG_BAD_RESPONSE');
    expect(answer.headers).not.toHaveProperty('x-waymark-plugin');
  });

  it('is 502 where the plugin has no such handler', async () => {
    await serve([{ id: 'example', management: routes('GET /plugins/example/a') }]);

    const answer = await ask('/plugins/example/a');

    expect([answer.status, bodyOf(answer)['code']]).toEqual([502, 'PLG_BAD_RESPONSE']);
  });

  it.each([
    ['PLG_OUT_OF_MEMORY', 502],
    ['PLG_BUSY', 503],
    ['PLG_BREAKER_OPEN', 503],
    ['PLG_RESTARTED', 503],
    ['PLG_TIMEOUT', 504],
  ] as const)('is %s as %s', async (code, status) => {
    await fails(new WaymarkError(code, 'it is so'));

    const answer = await ask('/plugins/example/a');

    expect(answer.status).toBe(status);
    expect(bodyOf(answer)).toMatchObject({ success: false, error: 'it is so', code });
    expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
  });
});

describe('the organisation of a management request', () => {
  const fake = { id: 'example', management: routes('GET /plugins/example/a') };
  const answering: FakePlugin = { ...fake, methods: { 'management.handle': () => ({}) } };

  it('is the one that is named, and need not be where there is one', async () => {
    await serve([answering], ['acme', 'globex']);

    await ask('/plugins/example/a', { headers: { 'x-waymark-org': 'globex' } });

    expect(host.calls[0]?.org).toBe('globex');
  });

  it.each([{}, { 'x-waymark-org': 'nowhere' }])('is 400 with %j, of several', async (headers) => {
    await serve([answering], ['acme', 'globex']);

    for (const path of ['/plugins/example/a', '/plugins']) {
      const answer = await ask(path, { headers });
      expect([answer.status, bodyOf(answer)['code']]).toEqual([400, 'VAL_ORG']);
    }
  });
});

describe('GET /v0/management/plugins', () => {
  it('shows what there is, with its pages’ menu', async () => {
    const Resources = [{ Path: '/status', Menu: 'Status <1>' }, { Path: '/plain' }];
    const management = { ...routes('POST /plugins/example/a'), Resources };
    await serve([{ id: 'example', management, source: 'builtin' }]);

    const answer = await ask('/plugins');

    expect(answer.text).not.toContain('<');
    expect(bodyOf(answer)).toMatchObject({
      success: true,
      data: {
        plugins: [
          {
            id: 'example',
            runtime: 'in-process',
            provides: ['route', 'page'],
            enabled: true,
            routes: ['POST /plugins/example/a'],
            menu: [{ title: 'Status <1>', href: '/v0/resource/plugins/example/status' }],
          },
        ],
        diagnostics: [],
      },
    });
  });

  it('names the organisation in the menu where there are several', async () => {
    const management = { Resources: [{ Path: '/status', Menu: 'Status' }] };
    await serve([{ id: 'example', management }], ['acme', 'globex']);

    const { text } = await ask('/plugins', { headers: { 'x-waymark-org': 'acme' } });

    expect(text).toContain('/v0/resource/orgs/acme/plugins/example/status');
  });
});

describe('what the site’s operator does with a host plugin', () => {
  const send = (method: string, path: string, body?: string) =>
    ask(path, { method, headers: { 'content-type': 'application/json' }, ...(body && { body }) });

  it('is to switch it, to reload it, and to let it be a process', async () => {
    await serve([{ id: 'example' }]);

    const answers = [
      await send('PATCH', '/plugins/example/enabled', '{"enabled":false}'),
      await send('PATCH', '/plugins/example/enabled', '{"enabled":true}'),
      await send('POST', '/plugins/example/reload'),
      await send('POST', '/plugins/example/approve'),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(bodyOf(answers[0]!)['data']).toEqual({ id: 'example', enabled: false });
    expect(host.done).toEqual([
      'disable example system:management',
      'enable example system:management',
      'reload example',
      'approve example system:management',
    ]);
  });

  it('needs to be said rightly', async () => {
    await serve([{ id: 'example' }]);

    const answers = [
      await send('PATCH', '/plugins/example/enabled', '{"enabled":"no"}'),
      await send('PATCH', '/plugins/example/enabled', '{'),
      await send('PATCH', '/plugins/other/enabled', '{"enabled":true}'),
      await send('DELETE', '/plugins/example/enabled'),
    ];

    expect(answers.map((one) => [one.status, bodyOf(one)['code']])).toEqual([
      [400, 'VAL_FAILED'],
      [400, 'VAL_JSON'],
      [404, 'PLG_NOT_FOUND'],
      [405, 'RES_METHOD'],
    ]);
    expect(bodyOf(answers[0]!)).toMatchObject({
      error: 'enabled must be boolean',
      details: { validationErrors: [{ field: 'enabled' }] },
    });
    expect(host.done).toEqual([]);
  });
});
