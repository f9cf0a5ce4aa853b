import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import {
  bodyOf,
  openPluginSite,
  outcomeOf,
  type PluginSite,
  registryOf,
  type Sent,
} from '../../support/plugin-site.ts';
import { askRaw } from '../../support/raw-request.ts';

const PAGE_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; " +
  "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'";
const OTHER_POLICY = "default-src 'none'; sandbox";

const probe = {
  manifest: { id: 'probe', capabilities: { management_api: true } },
  module: `
    import { definePlugin, html, PluginError, reply } from 'waymark/plugin';

    export default definePlugin({
      register: () => ({
        Routes: [
          { Method: 'GET', Path: '/plugins/probe/old', Menu: ' Old <b> ' },
          { Method: 'GET', Path: '/plugins/probe/both', Menu: 'Lost' },
          { Method: 'GET', Path: '/plugins/probe/blank', Menu: '  ' },
          { Method: 'POST', Path: '/plugins/probe/posted', Menu: 'No page' },
        ],
        Resources: [
          { Path: '/v0/resource/plugins/probe/home/', Menu: 'Home', Description: 'All of it.' },
          { Path: '/plugins/probe/asked' },
          { Path: 'both' },
          { Path: '/json' },
          { Path: '/throws' },
          { Path: '/refused' },
          { Path: '/moved' },
        ],
      }),
      handle(request, ctx) {
        const { Method, Path, Query, Headers, Body } = request;
        switch (Path) {
          case '/home': return html('<!doctype html><h1>Home &amp; all</h1>');
          case '/asked': return reply({ Method, Path, Query, Headers, Body, config: ctx.config });
          case '/json': return reply({ text: '<b>' });
          case '/throws': throw new Error('secret words');
          case '/refused': throw new PluginError('GONE', 'it is gone', { httpStatus: 410 });
          case '/moved': return { StatusCode: 302, Headers: { Location: 'home' } };
          default: return reply(Path);
        }
      },
    });
  `,
};

/** A server part of a registry, as \`waymark plugin pack --dir\` writes it. */
const ownPart = (greeting: string) => ({
  'plugins/own/plugin.yaml': JSON.stringify({
    apiVersion: 'waymark/v1',
    kind: 'Plugin',
    spec: { title: 'Own', description: 'Has a server part.' },
  }),
  'plugins/own/README.md': 'It has a page.\n',
  'plugins/own/server/plugin.json': JSON.stringify({
    id: 'own',
    schemaVersion: 1,
    capabilities: { management_api: true },
  }),
  'plugins/own/server/index.js': `export default {
    'management.register': () => ({ Resources: [{ Path: '/page', Menu: 'Own' }] }),
    'management.handle': () => ({ Body: btoa('${greeting}') }),
  };`,
});

const bindings = { probe: { config: { greeting: 'of tools' } } };

let site: PluginSite;
beforeAll(async () => {
  site = await openPluginSite({ authored: [probe], bindings });
}, 120_000);
afterAll(() => site?.close());

const page = (path: string, sent?: Sent) => site.ask(`/v0/resource/plugins/probe${path}`, sent);

interface Listed {
  id: string;
  routes: string[];
  menu: { title: string; href: string; description?: string }[];
}
const listed = async (id = 'probe') => {
  const { plugins } = bodyOf(await site.manage('/plugins'))['data'] as { plugins: Listed[] };
  return plugins.find((one) => one.id === id);
};

describe('5. a page', () => {
  it('is for everybody', async () => {
    const { status, headers, text } = await page('/home');

    expect([status, text]).toEqual([200, '<!doctype html><h1>Home &amp; all</h1>']);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': PAGE_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-waymark-plugin': 'probe@1.0.0',
    });
    expect(headers).not.toHaveProperty('x-waymark-error');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('answers HEAD as GET, without the body', async () => {
    const { status, headers, text } = await page('/home', { method: 'HEAD' });

    expect([status, text]).toEqual([200, '']);
    expect(headers).toMatchObject({
      'content-length': '38',
      'content-security-policy': PAGE_POLICY,
    });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'is 405 with %s',
    async (method) => {
      const answer = await page('/home', { method });

      expect(outcomeOf(answer)).toEqual([405, 'RES_METHOD']);
      expect(answer.headers).toMatchObject({ allow: 'GET, HEAD', 'x-waymark-error': 'RES_METHOD' });
    },
  );

  it('learns of no credential, and needs none to be right', async () => {
    const answer = await page('/asked?a=1&a=%3C', {
      headers: {
        authorization: 'Bearer wmk_wrong',
        cookie: 'waymark=wms_wrong',
        'x-api-key': 'wrong',
        'x-management-key': 'wrong',
        'x-own': 'yes',
      },
    });

    const { Headers, ...seen } = bodyOf(answer);
    expect(seen).toEqual({
      Method: 'GET',
      Path: '/asked',
      Query: { a: ['1', '<'] },
      Body: '',
      config: { greeting: 'of tools' },
    });
    expect(Headers).toEqual({
      Host: [expect.any(String)],
      'X-Own': ['yes'],
    });
  });

  it('is not changed, JSON neither', async () => {
    expect((await page('/json')).text).toBe('{"text":"<b>"}');
  });

  it('may lead to another of its own', async () => {
    const { status, headers } = await page('/moved');

    expect([status, headers.location]).toEqual([302, '/v0/resource/plugins/probe/home']);
  });
});

describe('4. a GET with a menu', () => {
  it('is a page, and no route', async () => {
    expect([(await page('/old')).status, (await page('/old')).text]).toEqual([200, '/old']);
    expect(outcomeOf(await site.manage('/plugins/probe/old'))).toEqual([
      404,
      'PLG_ENDPOINT_NOT_FOUND',
    ]);
  });

  it('is nothing where a page is declared', async () => {
    expect((await page('/both')).text).toBe('/both');
    expect((await listed())?.menu.map(({ title }) => title)).not.toContain('Lost');
  });

  it('is a route where the menu is blank, or the method another', async () => {
    expect((await listed())?.routes).toEqual([
      'GET /plugins/probe/blank',
      'POST /plugins/probe/posted',
    ]);
    expect((await page('/blank')).status).toBe(404);
    expect((await site.manage('/plugins/probe/blank')).status).toBe(200);
  });

  it('stands in the menu with the other pages that have one', async () => {
    expect((await listed())?.menu).toEqual([
      { title: 'Home', description: 'All of it.', href: '/v0/resource/plugins/probe/home' },
      { title: 'Old <b>', href: '/v0/resource/plugins/probe/old' },
    ]);
    expect((await site.manage('/plugins')).text).not.toContain('<');
  });
});

describe('what is no page', () => {
  it.each([
    '/nothing',
    '/home/',
    '/home%2f',
    '/%68ome',
    '/%2e%2e/probe/home',
    '/../probe/home',
    '/x/../home',
    '/./home',
    '//home',
    '/home%00',
    '/home%5c',
    '/home\\',
    '/Home',
    '/blank',
    '/',
    '',
  ])('is 404, and tells nothing of the management routes: %s', async (path) => {
    const { status, headers, text } = await page(path);

    expect(status).toBe(404);
    expect(headers['content-security-policy']).toBe(OTHER_POLICY);
    expect(text).not.toContain('plugins/probe/blank');
  });

  it.each([
    '/v0/resource',
    '/v0/resource/',
    '/v0/resource/plugins',
    '/v0/resource/plugins/nobody/a',
    '/v0/resource/orgs/nowhere/plugins/probe/home',
    '/v0/resource/orgs/%74ools/plugins/probe/home',
    '/v0/resource/orgs/../plugins/probe/home',
  ])('is nowhere else: %s', async (path) => {
    const answer = await site.ask(path);

    expect(answer.status).toBe(404);
    expect(bodyOf(answer)).toMatchObject({ success: false, error: expect.any(String) });
  });

  it('has the policy of what is no page, whoever says so', async () => {
    const [thrown, refused] = [await page('/throws'), await page('/refused')];

    expect(outcomeOf(thrown)).toEqual([502, 'PLG_MANAGEMENT_ERROR']);
    expect(thrown.text).not.toContain('secret');
    expect(thrown.headers['content-security-policy']).toBe(OTHER_POLICY);
    expect([refused.status, bodyOf(refused)]).toEqual([410, { error: 'it is gone' }]);
  });
});

describe('the organisation of a page', () => {
  let other: OrgApi;
  const askOf = (org: string, path: string) =>
    askRaw(site.server.url, `/v0/resource/orgs/${org}/plugins${path}`);

  beforeAll(async () => {
    await site.org.push(ownPart('of tools'));
    await site.org.publish('own@1.0.0');
    await site.org.push(registryOf({ bindings: { ...bindings, own: {} } }));
  });
  afterAll(() => other?.close());

  it('is the only one there is, and only then need it not be named', async () => {
    await expect.poll(async () => (await listed('own'))?.menu, { timeout: 30_000 }).toHaveLength(1);
    const alone = await site.ask('/v0/resource/plugins/own/page');
    other = await openOrg(
      { url: site.server.url, admin: site.server.adminKey },
      {
        org: 'zoo',
        files: registryOf({ bindings: { probe: { config: { greeting: 'of zoo' } } } }),
      },
    );
    const among = await site.ask('/v0/resource/plugins/own/page');

    expect([alone.status, alone.text]).toEqual([200, 'of tools']);
    expect(outcomeOf(among)).toEqual([404, 'PLG_NOT_FOUND']);
  });

  it('is the one in the path, which the plugin’s path is without', async () => {
    const [tools, zoo] = [await askOf('tools', '/probe/asked'), await askOf('zoo', '/probe/asked')];

    expect((await askOf('tools', '/own/page')).text).toBe('of tools');
    expect(bodyOf(tools)).toMatchObject({ Path: '/asked', config: { greeting: 'of tools' } });
    expect(bodyOf(zoo)).toMatchObject({ Path: '/asked', config: { greeting: 'of zoo' } });
    expect(outcomeOf(await askOf('zoo', '/own/page'))).toEqual([404, 'PLG_NOT_FOUND']);
  });

  it('need not be named of a host plugin', async () => {
    expect((await page('/home')).status).toBe(200);
  });

  it('is named by management requests, and in their menus', async () => {
    const headers = { 'x-waymark-org': 'tools' };
    const list = bodyOf(await site.manage('/plugins', { headers }))['data'] as {
      plugins: Listed[];
    };

    for (const wrong of [{}, { 'x-waymark-org': 'nowhere' }, { 'x-waymark-org': '' }]) {
      const answer = await site.manage('/plugins/probe/blank', { headers: wrong });
      expect(outcomeOf(answer)).toEqual([400, 'VAL_ORG']);
    }
    expect((await site.manage('/plugins/probe/blank', { headers })).status).toBe(200);
    expect(list.plugins.find(({ id }) => id === 'own')?.menu).toEqual([
      { title: 'Own', href: '/v0/resource/orgs/tools/plugins/own/page' },
    ]);
  });
});
