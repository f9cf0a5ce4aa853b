import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthoredPlugin,
  bodyOf,
  openPluginSite,
  outcomeOf,
  type PluginSite,
} from '../../support/plugin-site.ts';

const management = { management_api: true };

/** Says back what it was asked, or whatever a body asks it to answer. */
const probe = {
  manifest: { id: 'probe', capabilities: management },
  module: `
    import { definePlugin, PluginError, reply } from 'waymark/plugin';

    const odd = ['a b', 'a\\tb', ':id', '*', '../other/x', 'a//b', 'a%2fb', 'a?b', 'a#b', 'a\\\\b', 'ä'];

    export default definePlugin({
      register: () => ({
        Routes: [
          ...['get', ' Post ', 'PUT', 'PATCH', 'DELETE'].map((Method) => ({
            Method, Path: '/v0/management/plugins/probe/echo/',
          })),
          { Path: 'plugins/probe/unspoken' },
          { Method: 'POST', Path: '/plugins/probe/answer' },
          { Method: 'GET', Path: '/plugins/probe/conflict' },
          { Method: 'GET', Path: '/plugins/probe/throws' },
          ...odd.map((last) => ({ Path: '/plugins/probe/' + last })),
          { Path: '/outside' },
          { Path: '/plugins/other/inside' },
        ],
      }),
      handle(request) {
        const { Method, Path, Query, Headers, Body } = request;
        if (Path.endsWith('/answer')) return JSON.parse(atob(Body));
        if (Path.endsWith('/throws')) throw new Error('the database is at 10.0.0.7');
        if (Path.endsWith('/conflict')) {
          throw new PluginError('TAKEN', 'it is <taken>', { httpStatus: 409, details: { by: 'ada' } });
        }
        return reply({ Method, Path, Query, Headers, Body });
      },
    });
  `,
};

/** Each registers what is written at its name, and says who it is. */
const registering = (registrations: Readonly<Record<string, string>>) =>
  copied(
    Object.keys(registrations),
    `const registrations = { ${Object.entries(registrations)
      .map(([id, text]) => `'${id}': ${text}`)
      .join(', ')} };
    let id;
    export default {
      'management.register': ({ Plugin }) => registrations[(id = Plugin)],
      'management.handle': () => ({ Body: btoa(id) }),
    };`,
  );

/** Each has one route, and answers what is written at its name. */
const answering = (answers: Readonly<Record<string, string>>) =>
  copied(
    Object.keys(answers),
    `const answers = { ${Object.entries(answers)
      .map(([id, text]) => `'${id}': () => ${text}`)
      .join(', ')} };
    export default {
      'management.register': ({ Plugin }) => ({ Routes: [{ Path: '/plugins/' + Plugin + '/a' }] }),
      'management.handle': ({ Path }) => answers[Path.split('/')[2]](),
    };`,
  );

const copied = ([id = '', ...copies]: string[], module: string) => ({
  manifest: { id, capabilities: management },
  module,
  copies,
});

const spelt = (id: string, word: string) => ({
  [id]: `{ ${word}: [{ path: '/plugins/${id}/a' }] }`,
});
const unconfined = (id: string) => ({
  [id]: `{ Routes: [
    { Path: '/shared' }, { Path: '/${id}' }, { Path: '/plugins' },
    { Method: 'PATCH', Path: '/plugins/probe/enabled' },
  ] }`,
});

/** As many bad answers as a plugin may give are three: each is by one of its own. */
const BAD = {
  'bad-base64': "({ Body: 'YWJj*' })",
  'bad-padding': "({ Body: 'YWI' })",
  'bad-status': '({ StatusCode: 99 })',
  'bad-informing': '({ StatusCode: 101 })',
  'bad-size': "({ Body: 'QUFB'.repeat(1024 * 1024 * 4 / 3 + 1) })",
  'bad-headers': "({ Headers: { 'X-Plugin-A': 'a'.repeat(17000) } })",
  'bad-header': "({ Headers: { 'X-Plugin-A': 'a\\r\\nSet-Cookie: a=b' } })",
  'bad-shape': '7',
};

const authored: AuthoredPlugin[] = [
  probe,
  registering({
    ...spelt('spelt-exact', 'Routes'),
    ...spelt('spelt-low', 'routes'),
    ...spelt('spelt-high', 'ROUTES'),
    'spelt-twice': '{ routes: [], ROUTES: [] }',
    ...unconfined('low'),
    ...unconfined('high'),
    disabled: '{}',
    unnamed: '{}',
  }),
  answering({
    ...BAD,
    bomb: '{ const all = []; for (;;) all.push(new Array(1e5).fill(1.5)); }',
    loop: '{ for (;;); }',
    endless: 'new Promise(() => {})',
    crowded: 'new Promise(() => {})',
  }),
  copied(
    ['nameless', 'greedy', 'hangs'],
    `const metadata = (Name) => ({ Name, Version: '1', Author: 'Acme', GitHubRepository: 'acme/x' });
    const said = {
      nameless: { metadata: metadata(' ') },
      greedy: { metadata: metadata('Greedy'), capabilities: { tools: true } },
    };
    export default { 'plugin.register': ({ plugin_id }) => said[plugin_id] ?? (() => { for (;;); })() };`,
  ),
];

/** What the packer would not pack. */
const byHand = [
  { manifest: { id: 'future', schemaVersion: 2, capabilities: management } },
  { manifest: { id: 'blank', author: ' ', capabilities: management } },
];

const ids = [
  ...authored.flatMap(({ manifest: { id }, copies = [] }) => [id, ...copies]),
  ...byHand.map(({ manifest: { id } }) => id),
];
const bindings = {
  ...Object.fromEntries(ids.filter((id) => id !== 'unnamed').map((id) => [id, {}])),
  low: { priority: 1 },
  high: { priority: 2 },
  disabled: { enabled: false },
};

let site: PluginSite;
beforeAll(async () => {
  const env = { WAYMARK_PLUGINS_UNCONFINED: 'low,high' };
  site = await openPluginSite({ authored, byHand, bindings, env });
}, 120_000);
afterAll(() => site?.close());

/** What `probe` makes of an answer of these words. */
const answerOf = (answer: object, headers = {}) =>
  site.manage('/plugins/probe/answer', { method: 'POST', body: JSON.stringify(answer), headers });

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Listed {
  id: string;
  state: string;
  lastError: string | null;
  routes: string[];
}
interface List {
  plugins: Listed[];
  diagnostics: { pluginId: string; route: string; message: string }[];
}
const list = async () => bodyOf(await site.manage('/plugins'))['data'] as List;
const listed = async (id: string) => (await list()).plugins.find((one) => one.id === id);

describe('1. the keys of a registration', () => {
  it.each(['spelt-exact', 'spelt-low', 'spelt-high'])('count alike: %s', async (id) => {
    const answer = await site.manage(`/plugins/${id}/a`);

    expect([answer.status, answer.text]).toEqual([200, id]);
  });

  it('fail the load where two spell one, of that plugin alone', async () => {
    expect(outcomeOf(await site.manage('/plugins/spelt-twice/a'))).toEqual([503, 'PLG_FAILED']);
    expect(await listed('spelt-twice')).toMatchObject({
      state: 'failed',
      lastError: expect.stringContaining('both spell Routes'),
    });
    expect((await site.manage('/plugins/spelt-low/a')).status).toBe(200);
  });
});

describe('2. whose a route is', () => {
  it('is the server’s, also of a path with a name in it', async () => {
    const plugins = await site.manage('/plugins');
    const headers = { 'content-type': 'application/json' };
    const wrong = { method: 'PATCH', headers, body: '{}' };
    const patched = await site.manage('/plugins/probe/enabled', wrong);

    expect(plugins.headers).not.toHaveProperty('x-waymark-plugin');
    expect(outcomeOf(patched)).toEqual([400, 'VAL_FAILED']);
    expect(patched.headers).not.toHaveProperty('x-waymark-plugin');
  });

  it('is of two plugins the higher priority’s, and the other keeps its own', async () => {
    const asked = await Promise.all(['/shared', '/low', '/high'].map((path) => site.manage(path)));

    expect(asked.map(({ text }) => text)).toEqual(['high', 'low', 'high']);
    expect(asked.map(({ headers }) => headers['x-waymark-plugin'])).toEqual([
      'high@1.0.0',
      'low@1.0.0',
      'high@1.0.0',
    ]);
  });

  it('is said of each that was lost', async () => {
    expect((await list()).diagnostics).toEqual([
      { pluginId: 'high', route: 'GET /plugins', message: 'is the host’s' },
      { pluginId: 'high', route: 'PATCH /plugins/probe/enabled', message: 'is the host’s' },
      { pluginId: 'low', route: 'GET /shared', message: 'is high’s' },
      { pluginId: 'low', route: 'GET /plugins', message: 'is the host’s' },
      { pluginId: 'low', route: 'PATCH /plugins/probe/enabled', message: 'is the host’s' },
    ]);
  });
});

describe('3. paths', () => {
  it('are registered in one form, and those that no path can be are left out', async () => {
    expect((await listed('probe'))?.routes).toEqual([
      ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /plugins/probe/echo`),
      'GET /plugins/probe/unspoken',
      'POST /plugins/probe/answer',
      'GET /plugins/probe/conflict',
      'GET /plugins/probe/throws',
    ]);
    expect(outcomeOf(await site.manage('/outside'))).toEqual([404, 'RES_NOT_FOUND']);
  });

  it.each([
    '/plugins/probe/%65cho',
    '/plugins/probe%2fecho',
    '/plugins%2Fprobe%2Fecho',
    '/plugins/probe%5cecho',
    '/plugins/probe\\echo',
    '/plugins/x/%2e%2e/probe/echo',
    '/plugins/x/../probe/echo',
    '/plugins/./probe/echo',
    '/plugins//probe/echo',
    '/plugins/probe/echo/',
    '/plugins/probe/echo%00',
    '/plugins/probe/echo;a=b',
    '/Plugins/probe/echo',
  ])('are matched as they are sent: %s is nowhere', async (path) => {
    const answer = await site.manage(path);

    expect(answer.status).toBe(404);
    expect(answer.headers['x-waymark-error']).toBe(bodyOf(answer)['code']);
  });

  it.each(['%', '%zz', '%ff'])(
    'that cannot be decoded are refused in the same form: %s',
    async (end) => {
      const answer = await site.manage(`/plugins/${end}/enabled`, { method: 'PATCH', body: '{}' });

      expect([400, 404]).toContain(answer.status);
      expect(bodyOf(answer)).toMatchObject({ success: false, error: expect.any(String) });
    },
  );

  it('are no way around the key when they are whole addresses', async () => {
    const path = `${site.server.url}/v0/management/plugins/probe/echo`;
    const answer = await site.ask(path);

    expect([400, 401, 404]).toContain(answer.status);
  });
});

describe('6. what a handler gets and what comes back', () => {
  it('is method, path, query and body to the byte, and no credential', async () => {
    const answer = await site.manage('/plugins/probe/echo?a=1&a=%20&b=%3C&__proto__=x', {
      method: 'PATCH',
      body: Buffer.from([0, 10, 128, 255]),
      headers: {
        authorization: 'Bearer the-management-key-of-this-site',
        cookie: 'waymark=a',
        'x-api-key': 'secret',
        'x-csrf-token': 'secret',
        'proxy-authorization': 'secret',
        'x-forwarded-for': '10.0.0.1',
        connection: 'close, x-hop',
        'x-hop': 'secret',
        te: 'trailers',
        'content-type': 'application/x-own',
        'x-own': ['one', 'two'],
      },
    });

    const { Headers, ...seen } = bodyOf(answer) as { Headers: Record<string, string[]> };
    expect(seen).toEqual({
      Method: 'PATCH',
      Path: '/plugins/probe/echo',
      Query: { a: ['1', ' '], b: ['<'], ['__proto__']: ['x'] },
      Body: 'AAqA/w==',
    });
    expect(Headers).toEqual({
      Host: [expect.any(String)],
      'Content-Length': ['4'],
      'Content-Type': ['application/x-own'],
      'X-Own': ['one', 'two'],
    });
  });

  it.each(['GET', 'POST', 'PUT', 'DELETE'])('has the method %s', async (method) => {
    const answer = await site.manage('/plugins/probe/echo', { method });

    expect(bodyOf(answer)).toMatchObject({ Method: method, Body: '' });
  });

  it('is for HEAD what GET answers, without its body', async () => {
    const [get, head] = [
      await site.manage('/plugins/probe/unspoken'),
      await site.manage('/plugins/probe/unspoken', { method: 'HEAD' }),
    ];

    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-type']).toBe(get.headers['content-type']);
  });

  it('has the headers that may go out, and those that always do', async () => {
    const { status, headers, text } = await answerOf({
      StatusCode: 203,
      Headers: {
        'content-type': ['text/csv'],
        'Content-Disposition': 'attachment; filename="a.csv"',
        'Content-Language': 'uk',
        'Cache-Control': 'max-age=5',
        ETag: '"1"',
        'Last-Modified': 'Sat, 21 Nov 2026 00:00:00 GMT',
        Vary: ['Accept', 'Accept-Language'],
        'X-Plugin-Rows': '2',
        'Set-Cookie': 'a=b',
        Server: 'mine',
        'X-Waymark-Error': 'INTERNAL',
        'X-Frame-Options': 'ALLOWALL',
        'Content-Security-Policy': 'default-src *',
        'Access-Control-Allow-Origin': '*',
        'Transfer-Encoding': 'chunked',
        'Content-Length': '1',
        'X-Plugin-B\r\nSet-Cookie': 'a=b',
      },
      Body: base64('a,b\n'),
    });

    expect([status, text]).toEqual([203, 'a,b\n']);
    const {
      'x-request-id': _id,
      date: _date,
      connection: _hop,
      'keep-alive': _for,
      ...sent
    } = headers;
    expect(sent).toEqual({
      'content-type': 'text/csv',
      'content-disposition': 'attachment; filename="a.csv"',
      'content-language': 'uk',
      'cache-control': 'max-age=5',
      etag: '"1"',
      'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT',
      vary: 'Accept, Accept-Language',
      'x-plugin-rows': '2',
      'content-length': '4',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-waymark-plugin': 'probe@1.0.0',
    });
  });

  it.each([
    ['{"a":1}', 'application/json; charset=utf-8'],
    ['[1]', 'application/json; charset=utf-8'],
    ['plain', 'text/plain; charset=utf-8'],
    ['<b>', 'text/plain; charset=utf-8'],
  ])('is of the type that %s looks like, where none is said', async (text, type) => {
    expect((await answerOf({ Body: base64(text) })).headers['content-type']).toBe(type);
  });

  it.each([
    ['/v0/management/plugins/probe/echo?a=1', '/v0/management/plugins/probe/echo?a=1'],
    ['echo', '/v0/management/plugins/probe/echo'],
    ['/v0/resource/plugins/probe/page', '/v0/resource/plugins/probe/page'],
    ['https://elsewhere.example/', undefined],
    ['//elsewhere.example/v0/management/plugins/probe/', undefined],
    ['/v0/management/plugins/other/echo', undefined],
    ['../other/echo', undefined],
    ['/\\elsewhere.example', undefined],
    ['javascript:alert(1)', undefined],
  ])('may lead to %s: %s', async (location, sent) => {
    const answer = await answerOf({ StatusCode: 303, Headers: { Location: location } });

    expect([answer.status, answer.headers.location]).toEqual([303, sent]);
  });
});

describe('7. JSON', () => {
  const JSON_TEXT =
    '{"nested": [{"<b>": "</script><b>&amp;\u2028\u2029</b>"}], "n": 1.50, "large": 12345678901234567890}';

  it.each([undefined, 'application/json', 'application/problem+json', 'text/plain'])(
    'has no markup in its bytes, of the type %s, and the same values',
    async (type) => {
      const Headers = type === undefined ? {} : { 'Content-Type': type };
      const { text } = await answerOf({ Headers, Body: base64(JSON_TEXT) });

      expect(text).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON_TEXT));
      expect(text).toContain('"n": 1.50, "large": 12345678901234567890');
    },
  );

  it('is all that is changed: HTML stays', async () => {
    const page = '[draft] <b>&amp;</b>';
    const answer = await answerOf({
      Headers: { 'Content-Type': 'text/html' },
      Body: base64(page),
    });

    expect(answer.text).toBe(page);
  });

  it('is so in the server’s own refusals', async () => {
    const { text } = await site.manage('/plugins/<b>/a');

    expect(text).not.toMatch(/[<>&]/);
    expect(JSON.parse(text)).toMatchObject({ error: 'there is no plugin <b>' });
  });
});

describe('8. what goes wrong', () => {
  it.each(Object.keys(BAD))('is 502 of an answer that is none: %s', async (id) => {
    const answer = await site.manage(`/plugins/${id}/a`);

    expect(outcomeOf(answer)).toEqual([502, 'PLG_BAD_RESPONSE']);
    expect(answer.headers['x-waymark-error']).toBe('PLG_BAD_RESPONSE');
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  it('is what the plugin chose: its status, its bare message and its details', async () => {
    const answer = await site.manage('/plugins/probe/conflict');

    expect(answer.status).toBe(409);
    expect(bodyOf(answer)).toEqual({ error: 'it is <taken>', details: { by: 'ada' } });
    expect(answer.text).not.toContain('<');
    expect(answer.headers['x-waymark-plugin']).toBe('probe@1.0.0');
    expect(answer.headers).not.toHaveProperty('x-waymark-error');
  });

  it('is 502 where it threw, and not told', async () => {
    const answer = await site.manage('/plugins/probe/throws');

    expect(outcomeOf(answer)).toEqual([502, 'PLG_MANAGEMENT_ERROR']);
    expect(answer.text).not.toContain('10.0.0.7');
    expect(answer.headers).not.toHaveProperty('x-waymark-plugin');
  });

  it('is 502 of too much memory, 504 of no end, and others answer meanwhile', async () => {
    const [bomb, loop, endless, other] = await Promise.all([
      site.manage('/plugins/bomb/a'),
      site.manage('/plugins/loop/a'),
      site.manage('/plugins/endless/a'),
      site.manage('/plugins/probe/echo'),
    ]);

    expect(outcomeOf(bomb)).toEqual([502, 'PLG_OUT_OF_MEMORY']);
    expect(outcomeOf(loop)).toEqual([504, 'PLG_TIMEOUT']);
    expect(outcomeOf(endless)).toEqual([504, 'PLG_TIMEOUT']);
    expect(other.status).toBe(200);
  });

  it('is 503 of more calls than 8 that run and 32 that wait', async () => {
    const asked = Array.from({ length: 41 }, () => site.manage('/plugins/crowded/a'));
    const busy = await Promise.any(
      asked.map(async (answer) => {
        expect(outcomeOf(await answer)).toEqual([503, 'PLG_BUSY']);
        return await answer;
      }),
    );
    await Promise.allSettled(asked);

    expect(Number(busy.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is 503 once it went wrong three times, with when to come again', async () => {
    const ask = () => site.manage('/plugins/bad-shape/a');
    for (let i = 0; i < 3; i += 1) await ask();
    const answer = await ask();

    expect(outcomeOf(answer)).toEqual([503, 'PLG_BREAKER_OPEN']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is 504 and then 503 of one that never loads', async () => {
    const ask = async () => outcomeOf(await site.manage('/plugins/hangs/a'));
    const outcomes = [await ask(), await ask(), await ask(), await ask()];

    // What lists all that there is has tried to load it, too.
    expect([
      [504, 'PLG_TIMEOUT'],
      [503, 'PLG_BREAKER_OPEN'],
    ]).toContainEqual(outcomes[0]);
    expect(outcomes[3]).toEqual([503, 'PLG_BREAKER_OPEN']);
  });

  it('is 404 and 405 where there is nothing to ask, with what there is', async () => {
    const [unknown, off, unnamed, endpoint, method] = [
      await site.manage('/plugins/nowhere/a'),
      await site.manage('/plugins/disabled/a'),
      await site.manage('/plugins/unnamed/a'),
      await site.manage('/plugins/probe/nothing'),
      await site.manage('/plugins/probe/answer', { method: 'DELETE' }),
    ];

    for (const answer of [unknown, off, unnamed]) {
      expect(outcomeOf(answer)).toEqual([404, 'PLG_NOT_FOUND']);
    }
    expect(outcomeOf(endpoint)).toEqual([404, 'PLG_ENDPOINT_NOT_FOUND']);
    expect(bodyOf(endpoint)['details']).toEqual({
      availableEndpoints: expect.arrayContaining(['POST /plugins/probe/answer']),
    });
    expect(outcomeOf(method)).toEqual([405, 'RES_METHOD']);
    expect(method.headers.allow).toBe('POST');
  });

  it('has one shape, whoever refuses', async () => {
    const { 'x-request-id': requestId } = (await site.manage('/plugins/nowhere/a')).headers;
    const answer = await site.manage('/plugins/nowhere/a', {
      headers: { 'x-request-id': String(requestId) },
    });

    expect(bodyOf(answer)).toEqual({
      success: false,
      error: 'there is no plugin nowhere',
      code: 'PLG_NOT_FOUND',
      meta: { requestId, timestamp: expect.any(String) },
    });
    expect(answer.headers).toMatchObject({
      'x-waymark-error': 'PLG_NOT_FOUND',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; sandbox",
    });
  });

  it('is 413 of more than 1 MiB to send, 400 of more than 64 headers', async () => {
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-own-${i}`, 'a']));
    const send = (bytes: number, headers = {}) =>
      site.manage('/plugins/probe/echo', { method: 'POST', body: Buffer.alloc(bytes), headers });

    expect((await send(1024 * 1024)).status).toBe(200);
    expect(outcomeOf(await send(1024 * 1024 + 1))).toEqual([413, 'VAL_TOO_LARGE']);
    expect(outcomeOf(await send(1, many))).toEqual([400, 'VAL_FAILED']);
  });
});

describe('10. what is not loaded', () => {
  it.each([
    ['future', 503, 'PLG_INCOMPATIBLE'],
    ['blank', 503, 'PLG_MANIFEST'],
    ['nameless', 503, 'metadata.Name is blank'],
    ['greedy', 503, 'names tools, which plugin.json does not declare'],
    ['spelt-twice', 503, 'both spell Routes'],
  ])('is %s, %i and failed: %s', async (id, status, reason) => {
    const answer = await site.manage(`/plugins/${id}/a`);

    expect(outcomeOf(answer)).toEqual([status, 'PLG_FAILED']);
    expect(answer.text).not.toContain(reason);
    expect(await listed(id)).toMatchObject({
      state: 'failed',
      lastError: expect.stringContaining(reason),
    });
  });

  it('is what is off, though it stands in the list', async () => {
    expect(await listed('disabled')).toMatchObject({ state: 'discovered', enabled: false });
  });

  it('keeps no other from being loaded', async () => {
    expect((await listed('probe'))?.state).toBe('active');
  });
});

describe('5. the management key', () => {
  it('is asked for by routes and by the server’s own', async () => {
    for (const path of ['/plugins', '/plugins/probe/echo', '/plugins/nowhere/a']) {
      const answer = await site.ask(`/v0/management${path}`);
      expect(outcomeOf(answer)).toEqual([401, 'AUTH_TOKEN_MISSING']);
    }
  });

  it('is no key of an organisation, nor the site’s', async () => {
    const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const answer = await site.ask('/v0/management/plugins', bearer(site.server.adminKey));

    expect(answer.status).toBe(401);
  });

  it('is banned with its address after five wrong ones', async () => {
    const outcomes = [];
    const wrong = { headers: { 'x-management-key': 'wrong' } };
    for (let i = 0; i < 5; i += 1) {
      outcomes.push(outcomeOf(await site.manage('/plugins/probe/echo', wrong)));
    }

    // The one before was the first.
    expect(outcomes).toEqual([...Array(4).fill([401, 'AUTH_TOKEN_INVALID']), [403, 'PERM_BANNED']]);
    expect(outcomeOf(await site.manage('/plugins/probe/echo'))).toEqual([403, 'PERM_BANNED']);
  });
});
