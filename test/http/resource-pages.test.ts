import { afterEach, describe, expect, it } from 'vitest';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { MANAGEMENT_KEY, serveApp, type TestApp } from '../support/app.ts';
import {
  type FakePlugin,
  type FakePluginHost,
  fakePluginHost,
} from '../support/fakes/plugin-host.ts';
import { askRaw } from '../support/raw-request.ts';

const PAGE = '/v0/resource/plugins/example/status';

let app: TestApp;
let host: FakePluginHost;

afterEach(() => app.close());

const page = (more: Partial<FakePlugin> = {}): FakePlugin => ({
  id: 'example',
  management: { Resources: [{ Path: '/status', Menu: 'Status' }] },
  methods: {
    'management.handle': () => ({
      Headers: { 'content-type': 'text/html' },
      Body: Buffer.from('<b>&amp;</b>').toString('base64'),
    }),
  },
  ...more,
});

async function serve(fakes: readonly FakePlugin[], orgs: readonly string[] = ['acme']) {
  host = fakePluginHost(fakes);
  app = await serveApp({ rows: () => [], plugins: host, orgs });
}

const codeIn = ({ text }: { text: string }) => (JSON.parse(text) as { code: string }).code;

describe('a page', () => {
  it('is for everybody, as the plugin has it, and can do nothing but run', async () => {
    await serve([page()]);

    const { status, headers, text } = await askRaw(app.url, `${PAGE}?a=1`);

    expect([status, text]).toEqual([200, '<b>&amp;</b>']);
    expect(headers).toMatchObject({
      'content-type': 'text/html',
      'x-waymark-plugin': 'example@1.0.0',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy':
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; " +
        "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
        "frame-ancestors 'self'",
    });
    expect(host.calls).toMatchObject([
      {
        org: 'acme',
        method: 'management.handle',
        isRepeatable: true,
        params: { Method: 'GET', Path: '/status', Query: { a: ['1'] } },
      },
    ]);
  });

  it('is answered though a credential is wrong, and learns nothing of it', async () => {
    await serve([page()]);
    const headers = {
      authorization: 'Bearer wrong',
      cookie: 'waymark=old',
      'x-management-key': 'x',
    };

    expect((await askRaw(app.url, PAGE, { headers })).status).toBe(200);
    expect(JSON.stringify(host.calls[0]?.params)).not.toMatch(/wrong|old/);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('is 405 with %s', async (method) => {
    await serve([page()]);

    const answer = await askRaw(app.url, PAGE, { method });

    expect([answer.status, answer.headers.allow, codeIn(answer)]).toEqual([
      405,
      'GET, HEAD',
      'RES_METHOD',
    ]);
    expect(host.calls).toEqual([]);
  });

  it('answers HEAD, and tells it to the plugin', async () => {
    await serve([page()]);

    const { status, text } = await askRaw(app.url, PAGE, { method: 'HEAD' });

    expect([status, text]).toEqual([200, '']);
    expect(host.calls[0]?.params).toMatchObject({ Method: 'HEAD' });
  });

  it('comes of a GET with a menu, which is no route then', async () => {
    const Routes = [{ Method: 'GET', Path: '/plugins/example/status', Menu: 'Status' }];
    await serve([page({ management: { Routes } })]);

    const route = await askRaw(app.url, '/v0/management/plugins/example/status', {
      headers: { 'x-management-key': MANAGEMENT_KEY },
    });

    expect((await askRaw(app.url, PAGE)).status).toBe(200);
    expect(route.status).toBe(404);
  });

  it.each([
    '/v0/resource/plugins/example/%73tatus',
    '/v0/resource/plugins/example%2fstatus',
    '/v0/resource/plugins/example/x/../status',
    '/v0/resource/plugins/example/%2e/status',
    '/v0/resource/plugins/example/status/',
    '/v0/resource/plugins/example/',
    '/v0/resource/plugins/example',
    '/v0/resource/orgs/acme/example/status',
    '/v0/resource',
  ])('is not found at %s', async (path) => {
    await serve([page()]);

    expect((await askRaw(app.url, path)).status).toBe(404);
    expect(host.calls).toEqual([]);
  });

  it('that is not there tells nothing of the management routes', async () => {
    const management = { Routes: [{ Method: 'POST', Path: '/plugins/example/secret' }] };
    await serve([page({ management })]);

    const answer = await askRaw(app.url, PAGE);

    expect([answer.status, codeIn(answer)]).toEqual([404, 'PLG_ENDPOINT_NOT_FOUND']);
    expect(answer.text).not.toContain('secret');
  });

  it.each([{ isEnabled: false }, { id: 'another' }])(
    'of a plugin with %j is not there',
    async (more) => {
      await serve([page(more)]);

      const answer = await askRaw(app.url, PAGE);

      expect([answer.status, codeIn(answer)]).toEqual([404, 'PLG_NOT_FOUND']);
    },
  );

  it('that throws is 502 with the policy of what is no page', async () => {
    const throwing = () => {
      throw new PluginFault({ code: 'Error', message: 'secret' });
    };
    await serve([page({ methods: { 'management.handle': throwing } })]);

    const answer = await askRaw(app.url, PAGE);

    expect([answer.status, codeIn(answer)]).toEqual([502, 'PLG_MANAGEMENT_ERROR']);
    expect(answer.text).not.toContain('secret');
    expect(answer.headers['content-security-policy']).toBe("default-src 'none'; sandbox");
  });
});

describe('the organisation of a page', () => {
  const OWN = '/v0/resource/orgs/globex/plugins/example/status';

  it('is the one in the path', async () => {
    await serve([page({ source: 'registry' })], ['acme', 'globex']);

    const answer = await askRaw(app.url, OWN);

    expect(answer.status).toBe(200);
    expect(host.calls).toMatchObject([{ org: 'globex', params: { Path: '/status' } }]);
  });

  it('is not guessed for a plugin of an organisation’s registry', async () => {
    await serve([page({ source: 'registry' })], ['acme', 'globex']);

    expect((await askRaw(app.url, PAGE)).status).toBe(404);
  });

  it.each(['builtin', 'host'] as const)('is the first that has a %s plugin on', async (source) => {
    await serve([page({ source })], ['globex', 'acme']);
    const [plugin] = host.plugins('acme');
    host.find = (org) => plugin && { ...plugin, isEnabled: org === 'globex' };

    expect((await askRaw(app.url, PAGE)).status).toBe(200);
    expect(host.calls[0]?.org).toBe('globex');
  });

  it('that is nowhere has no page', async () => {
    await serve([page()], ['acme', 'initech']);

    expect((await askRaw(app.url, OWN)).status).toBe(404);
  });
});
