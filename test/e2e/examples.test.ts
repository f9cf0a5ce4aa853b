import { rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, ask } from '../support/app.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { succeed } from '../support/site.ts';

const examples = join(import.meta.dirname, '../../examples');
const MANAGEMENT = { 'x-management-key': 'the-management-key-of-this-test' };
const TOKEN = 'a-token-of-the-status-page';

let author: TestClient;
let pluginsDir: string;
let statusPage: Receiver;
let service: TestService;
let org: OrgApi;

/** What an author hands over: one package, signed, and the key that it is signed by. */
async function packStatusPage(): Promise<string> {
  const { stdout } = await succeed(author, 'plugin', 'keygen', 'author.pem');
  const path = join(pluginsDir, 'status-page.tar.gz');
  await succeed(author, 'plugin', 'pack', join(examples, 'status-page'), '--out', path);
  await succeed(author, 'plugin', 'sign', path, '--key', 'author.pem');
  return stdout.trim();
}

/** The packed files as they stand in a registry. */
async function packReleaseNotes(): Promise<Record<string, string>> {
  const packed = join(examples, 'release-notes');
  await succeed(author, 'plugin', 'pack', packed, '--dir', 'plugins/release-notes/server');
  const files = Object.entries(await author.files('plugins'));
  return Object.fromEntries(files.map(([path, text]) => [`plugins/${path}`, text]));
}

beforeAll(async () => {
  author = await makeClient();
  pluginsDir = await temporaryFolder('waymark-examples-');
  statusPage = await openReceiver();
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: pluginsDir,
    WAYMARK_PLUGIN_KEYS: await packStatusPage(),
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
    WAYMARK_MANAGEMENT_KEY: MANAGEMENT['x-management-key'],
  });
  org = await openOrg(service, {
    files: {
      ...smallRegistry(),
      'registry.yaml': registryYaml(
        'delivery: {defaultAccess: orgWide}, departments: {field: {}}, plugins: {release-notes: {grants: [kv]}, status-page: {grants: [http]}}',
      ),
      'plugins/release-notes/plugin.yaml': yaml('Plugin', 'title: Release notes, version: 1.0.0'),
      ...(await packReleaseNotes()),
      'namespaces/field.yaml': yaml(
        'Namespace',
        'department: field, covers: {plugins: [sales]}, plugins: {release-notes: {}}',
      ),
    },
  });
  await org.publish('release-notes@1.0.0');
});

afterAll(async () => {
  await org.close();
  await service.close();
  await statusPage.close();
  await author.remove();
  await rm(pluginsDir, { recursive: true });
});

const at = <T = Record<string, unknown>>(path: string, asked: Asked = {}) =>
  ask<T>(service.url + path, { ...asked, headers: { 'x-waymark-org': org.org, ...asked.headers } });

describe('examples/release-notes, released by its registry', () => {
  const api = (path: string, asked: Asked = {}) =>
    at(`/api/v1/plugin/release-notes/${path}`, { token: org.admin, ...asked });

  it('runs as it was released', async () => {
    const { body } = await at('/v0/management/plugins', { headers: MANAGEMENT });

    expect(body).toMatchObject({
      data: {
        plugins: expect.arrayContaining([
          expect.objectContaining({ id: 'release-notes', version: '1.0.0', source: 'registry' }),
        ]),
      },
    });
  });

  it('hears of a release, by its hook', async () => {
    await org.publish('sales@1.0.0');

    await expect
      .poll(() => api('notes/sales--v1.0.0'))
      .toMatchObject({ status: 200, body: { releaseId: 'sales--v1.0.0', text: '' } });
  });

  it('writes and reads a note, by the API route notes/[id]', async () => {
    const text = 'Quotes are <b>faster</b>.';

    const written = await api('notes/sales--v1.0.0', { method: 'PUT', body: { text } });
    const read = await api('notes/sales--v1.0.0');

    expect(written.status).toBe(200);
    expect(read.body).toMatchObject({ text });
    expect(read.headers.get('x-waymark-plugin')).toBe('release-notes@1.0.0');
  });

  it('refuses a note that its schema refuses, a release that is not there, and who has no key', async () => {
    const path = 'notes/sales--v1.0.0';
    const empty = await api(path, { method: 'PUT', body: { text: '' } });
    const unknown = await api('notes/nowhere--v1.0.0');
    const stranger = await at(`/api/v1/plugin/release-notes/${path}`);

    expect(empty).toMatchObject({ status: 400, body: { code: 'VAL_FAILED' } });
    expect(unknown).toMatchObject({
      status: 404,
      body: { error: 'there is no release nowhere--v1.0.0' },
    });
    expect(stranger.status).toBe(401);
  });

  it('shows all notes on its page, to everybody and as text', async () => {
    const page = await at('/v0/resource/plugins/release-notes/notes');

    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.text).toMatch('Quotes are &lt;b>faster&lt;/b>.');
  });

  it('exports them by a management route, to whoever has the management key', async () => {
    const path = '/v0/management/plugins/release-notes/export';

    const exported = await at(path, { headers: MANAGEMENT });

    expect(exported.body).toMatchObject({
      notes: expect.arrayContaining([expect.objectContaining({ releaseId: 'sales--v1.0.0' })]),
    });
    expect((await at(path)).status).toBe(401);
  });

  it('tells an agent of a namespace, by its tool, what that covers', async () => {
    const path = '/api/v1/namespaces/field/tools/release-notes/latest_notes';

    await expect
      .poll(() => at(path, { token: org.admin, body: { arguments: { count: 3 } } }), {
        timeout: 20_000,
      })
      .toMatchObject({
        status: 200,
        body: { data: { structuredContent: { notes: [{ releaseId: 'sales--v1.0.0' }] } } },
      });
  });
});

/** A status page with two components, which gives its first incident away. */
function answerAsStatusPage(response: ServerResponse): void {
  const { method, url } = response.req;
  const components = [
    { id: 'c-1', name: 'API', status: 'up' },
    { id: 'c-2', name: 'Mail', status: 'down' },
  ];
  const answers: Readonly<Record<string, object>> = {
    'GET /pages/main/components': { components },
    'POST /pages/main/incidents': { id: 'i-1' },
    'PATCH /pages/main/incidents/i-1': {},
  };
  const answer = answers[`${method} ${url}`];
  response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? {}));
}

describe('examples/status-page, signed and in the folder of the host', () => {
  const integrations = (path: string, body: object) =>
    at(`/api/v1/integrations${path}`, { token: org.admin, body });

  /** As whatever needs an operation has the host do it. */
  const operate = (operation: string, params: object) =>
    service.plugins.call({
      org: org.org,
      pluginId: 'status-page',
      binding: { scope: 'integration', id: 'status' },
      method: 'integration.call',
      params: { integration: { id: 'status', type: 'status-page.page' }, operation, params },
      requestId: 'request-1',
    });

  it('is trusted by its signature', async () => {
    const { body } = await at('/v0/management/plugins', { headers: MANAGEMENT });

    expect(body).toMatchObject({
      data: {
        plugins: expect.arrayContaining([
          expect.objectContaining({ id: 'status-page', source: 'host', signature: 'signed' }),
        ]),
      },
    });
  });

  it('is an integration, with a configuration and a secret that nobody sees again', async () => {
    statusPage.respond = answerAsStatusPage;

    const made = await integrations('', {
      name: 'status',
      type: 'status-page.page',
      config: { endpoint: statusPage.url, page: 'main' },
      credentials: { token: TOKEN },
    });

    expect(made).toMatchObject({
      status: 201,
      body: { data: { id: 'status', credentials: { token: '***' } } },
    });
    expect(made.text).not.toMatch(TOKEN);
  });

  it('is refused a configuration that its zod schema refuses', async () => {
    const refused = await integrations('', {
      name: 'other',
      type: 'status-page.page',
      config: { endpoint: 'nowhere', page: '' },
      credentials: { token: TOKEN },
    });

    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'VAL_FAILED' } } });
  });

  it('is tested, with its secret in the header that the host writes', async () => {
    const tested = await integrations('/status/test', {});

    expect(tested.body).toMatchObject({
      data: { ok: true, checks: [{ name: 'page', ok: true }] },
    });
    expect(statusPage.received.at(-1)).toMatchObject({
      path: '/pages/main/components',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
  });

  it('discovers the components of its page', async () => {
    const found = await integrations('/status/discover', {
      resourceType: 'component',
      query: 'A',
    });

    expect(found.body).toMatchObject({
      data: {
        resources: [{ id: 'c-1', name: 'API', type: 'component', metadata: { status: 'up' } }],
      },
    });
  });

  it('opens and resolves an incident', async () => {
    const opened = await operate('incident.open', { title: 'Slow', message: 'We look at it.' });
    await operate('incident.resolve', opened as object);

    const [open, resolve] = statusPage.received.slice(-2);
    expect(opened).toEqual({ incidentId: 'i-1' });
    expect(open?.path).toBe('/pages/main/incidents');
    expect(JSON.parse(open?.body ?? '')).toEqual({
      title: 'Slow',
      message: 'We look at it.',
      status: 'investigating',
    });
    expect(resolve?.path).toBe('/pages/main/incidents/i-1');
    expect(JSON.parse(resolve?.body ?? '')).toEqual({ status: 'resolved' });
  });
});
