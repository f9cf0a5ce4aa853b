import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pluginApiRoutes } from '../../src/http/plugin-api-routes.ts';
import { mintClientToken } from '../../src/identity/keys.ts';
import type { ApiRoute } from '../../src/registry/server-manifest/manifest.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { fakePluginHost } from '../support/fakes/plugin-host.ts';
import { makeClient, makeEntry } from '../support/records.ts';

const apiRoutes: ApiRoute[] = [
  { method: 'GET', path: 'items/[id]', auth: 'user', rateTier: 'read', bridge: true },
  { method: 'POST', path: 'items', auth: 'public', rateTier: 'api', input: { type: 'object' } },
];

let app: TestApp;
let viewer: string;

beforeEach(async () => {
  const plugins = fakePluginHost([
    { id: 'example', manifest: { displayName: 'Example', apiRoutes } },
    { id: 'hooks', capabilities: ['approval_hook'] },
    { id: 'off', isEnabled: false },
  ]);
  app = await serveApp({ rows: () => pluginApiRoutes({ plugins }), at: '/api/v1', plugins });
  viewer = await app.keyOf('viewer');
});

afterEach(() => app.close());

const ask = (path: string, token: string | undefined = viewer) =>
  app.ask<Refused & { data: object }>(`/api/v1/plugin${path}`, { token });

describe('GET /api/v1/plugin', () => {
  it('lists what there is, in the envelope', async () => {
    const { status, body } = await ask('');

    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      plugins: [
        { id: 'example', name: 'Example', version: '1.0.0', enabled: true, hasAPI: true },
        { id: 'hooks', enabled: true, hasAPI: false },
        { id: 'off', enabled: false, hasAPI: true },
      ],
      totalPlugins: 3,
      enabledPlugins: 2,
      pluginsWithAPI: 2,
    });
  });

  it.each(['', '/example', '/example/'])('refuses in the envelope as well: %s', async (path) => {
    const { status, body } = await app.ask<Refused>(`/api/v1/plugin${path}`);

    expect([status, body.error.code]).toEqual([401, 'AUTH_TOKEN_MISSING']);
  });

  it.each(['', '/example'])('is no client’s: %s', async (path) => {
    const { token, secretHash: tokenHash } = mintClientToken();
    const { id: enrolledBy } = await app.authenticator.authenticate(await app.keyOf('owner'));
    await app.stores.clients.insert(makeClient(token, { enrolledBy, tokenHash }), makeEntry());

    const { status, body } = await ask(path, token);

    expect([status, body.error.code]).toEqual([403, 'PERM_DENIED']);
  });
});

describe('GET /api/v1/plugin/:plugin', () => {
  it('gives a plugin with its routes', async () => {
    const { body } = await ask('/example');

    expect(body.data).toEqual({
      id: 'example',
      name: 'Example',
      version: '1.0.0',
      enabled: true,
      hasAPI: true,
      routes: [apiRoutes[0], { bridge: false, ...apiRoutes[1] }],
    });
  });

  it.each(['off', 'hooks', 'nowhere'])('is 404 for %s', async (id) => {
    const { status, body } = await ask(`/${id}`);

    expect([status, body.error.code]).toEqual([404, 'PLG_NOT_FOUND']);
  });
});
