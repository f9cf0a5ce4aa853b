import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { plainManifest, writePlugin } from '../support/plugins.ts';
import { yaml } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

interface Plugin {
  id: string;
  version: string;
  state: string;
  enabled: boolean;
  permissions: { requested: string[]; granted: string[] };
  routes: string[];
  menu: object[];
  pending: { version: string; reason: string } | null;
  lastError: string | null;
}

const PAGES = `{
  'management.register': () => ({
    Routes: [{ Method: 'GET', Path: '/plugins/desk/open' }],
    Resources: [{ Path: '/index', Menu: 'Tickets', Description: 'What is open' }],
  }),
  'plugin.health': () => ({ status: 'degraded', message: 'slow', checks: [{ name: 'db', ok: true }] }),
}`;

const ANSWERING = `{ 'agent.query': () => ({ results: [] }) }`;
/** Never answers, whatever it is asked. */
const HANGING = `{ 'agent.query': () => new Promise(() => {}) }`;

const desk = {
  id: 'desk',
  displayName: 'Desk',
  capabilities: { management_api: true, approval_hook: true },
  permissions: { kv: true, secrets: ['token'] },
  configSchema: {
    type: 'object',
    required: ['url'],
    properties: { url: { type: 'string' }, token: { type: 'string', writeOnly: true } },
  },
};
const strange = {
  id: 'strange',
  configSchema: { type: 'object', properties: { url: { type: 'no such type' } } },
};

const registryWith = (spec = '') => `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools # ours
  departments: {sales: {}}
${spec}`;

const inRegistry = (version: string, manifest: object = {}) => {
  const { version: _, ...plain } = plainManifest('sales');
  return {
    'plugins/sales/plugin.yaml': yaml('Plugin', 'title: Sales'),
    'plugins/sales/server/plugin.json': JSON.stringify({ ...plain, ...manifest }),
    'plugins/sales/server/index.js': `export default ${ANSWERING}; // ${version}\n`,
  };
};

const files = {
  ...smallRegistry,
  ...inRegistry('1.0.0'),
  'registry.yaml': registryWith(),
  'namespaces/deals.yaml': yaml('Namespace', 'department: sales, plugins: {quiet: {}}'),
  'integrations/api.yaml': yaml(
    'Integration',
    'type: generic.http, config: {endpoint: "https://api.example.com"}',
  ),
};

let pluginsDir: string;
let service: TestService;
let tools: OrgApi;

beforeAll(async () => {
  pluginsDir = await temporaryFolder('waymark-plugins-');
  await writePlugin(pluginsDir, { manifest: desk, methods: PAGES });
  await writePlugin(pluginsDir, { manifest: { id: 'quiet' }, methods: ANSWERING });
  await writePlugin(pluginsDir, { manifest: { id: 'hangs' }, methods: HANGING });
  await writePlugin(pluginsDir, { manifest: { id: 'ahead', schemaVersion: 2 } });
  await writePlugin(pluginsDir, { manifest: strange });
  const forged = await writePlugin(pluginsDir, { manifest: { id: 'forged' } });
  await writeFile(join(forged, 'plugin.sig.json'), '{"keyId": "", "signature": "", "files": {}}');
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: pluginsDir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: 'true',
  });
  await openTools('tools');
});

afterAll(async () => {
  await tools.close();
  await service.close();
  await rm(pluginsDir, { recursive: true, force: true });
});

async function openTools(org: string): Promise<void> {
  tools = await openOrg(service, { org, files });
  await tools.publish('sales@1.0.0');
  await tools.push(inRegistry('2.0.0', { permissions: { kv: true } }));
  await tools.publish('sales@2.0.0');
}

function send<T = { data: Plugin }>(
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  token = tools.admin,
): Promise<Answered<T>> {
  const url = `${service.url}/api/v1/plugins${path}`;
  return ask<T>(url, { method, token, ...(body && { body }) });
}

const show = async (id: string): Promise<Plugin> => (await send('GET', `/${id}`)).body.data;

const fileAt = (path: string, ref = 'main'): Promise<string> =>
  runGit(repositoryPath(service.dataDir, tools.org), ['show', `${ref}:${path}`]);

const refusalOf = ({ status, body }: Answered<Refused>) => [status, body.error.code];

describe('GET /plugins', () => {
  it('lists those with a server part, of every source, also what is off or cannot run', async () => {
    const { body } = await send<{ data: { id: string; source: string }[] }>(
      'GET',
      '?pageSize=100&sort=-id',
    );

    const found = Object.fromEntries(body.data.map(({ id, source }) => [id, source]));
    expect(found).toMatchObject({
      webhooks: 'builtin',
      desk: 'host',
      forged: 'host',
      sales: 'registry',
    });
    expect(found).not.toHaveProperty('ops'); // has none
    expect(body.data.map(({ id }) => id)).toEqual(Object.keys(found).toSorted().toReversed());
  });

  it('is filtered by what it shows', async () => {
    const filter = encodeURIComponent(JSON.stringify({ source: 'host', state: 'failed' }));

    const { body } = await send<{ data: Plugin[] }>('GET', `?filter=${filter}`);

    expect(body.data.map(({ id }) => id)).toEqual(['ahead', 'forged']);
  });
});

describe('GET /plugins/:id', () => {
  it('tells what a plugin is, may do and why it does not run', async () => {
    expect(await show('forged')).toMatchObject({
      id: 'forged',
      name: 'Example',
      version: '1.0.0',
      trust: 'untrusted',
      signature: 'invalid',
      runtime: 'sandbox',
      provides: [],
      capabilities: ['agent_query'],
      state: 'failed',
      enabled: false,
      lastError: expect.stringMatching(/^PLG_UNSIGNED/) as string,
    });
  });

  it('finds one as soon as its push is answered', async () => {
    const { version: _, ...manifest } = plainManifest('late');

    await tools.push({
      'plugins/late/plugin.yaml': yaml('Plugin', 'title: Late'),
      'plugins/late/server/plugin.json': JSON.stringify(manifest),
      'plugins/late/server/index.js': `export default ${ANSWERING};\n`,
    });

    expect((await send('GET', '/late')).status).toBe(200);
  });

  it('is 404 for what has no server part', async () => {
    const answer = await send<Refused>('GET', '/ops');

    expect(refusalOf(answer)).toEqual([404, 'PLG_NOT_FOUND']);
  });
});

describe('POST /plugins/:id/enable', () => {
  it('is refused until all that the plugin asks for is granted', async () => {
    const none = await send<Refused>('POST', '/desk/enable', {});
    const some = await send<Refused>('POST', '/desk/enable', { grants: ['kv'] });

    expect(refusalOf(none)).toEqual([422, 'PLG_PERMISSIONS']);
    expect(some.body.error.details).toEqual({
      requested: ['kv', 'secrets:token'],
      missing: ['secrets:token'],
    });
    expect((await show('desk')).enabled).toBe(false);
  });

  it('switches it on by a commit, and shows what it then has', async () => {
    const grants = ['kv', 'secrets'];

    const answer = await send('POST', '/desk/enable', { grants });
    const shown = await show('desk');

    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.data).toMatchObject({
      enabled: true,
      permissions: { requested: ['kv', 'secrets:token'], granted: ['kv', 'secrets:token'] },
    });
    expect(shown).toMatchObject({
      state: 'loaded',
      routes: ['GET /plugins/desk/open'],
      provides: ['hook', 'route', 'page'],
      menu: [
        { title: 'Tickets', href: '/v0/resource/plugins/desk/index', description: 'What is open' },
      ],
    });
    const written = await fileAt('registry.yaml');
    expect(written).toContain('title: Tools # ours');
    expect(written).toMatch(/desk:\n +enabled: true\n +grants:\n +- kv\n +- secrets/);
  });

  it('needs no grants for what is Waymark’s own', async () => {
    const answer = await send('POST', '/webhooks/enable', {});

    expect([answer.status, answer.body.data.enabled]).toEqual([200, true]);
  });

  it('takes the version that is named, and the highest without one', async () => {
    const first = await send('POST', '/sales/enable', { version: '1.0.0' });
    const greedy = await send<Refused>('POST', '/sales/enable', { version: '^2' });
    const second = await send('POST', '/sales/enable', { version: '^2', grants: ['kv'] });

    expect(first.body.data).toMatchObject({ version: '1.0.0', enabled: true });
    expect(refusalOf(greedy)).toEqual([422, 'PLG_PERMISSIONS']);
    expect(second.body.data).toMatchObject({ version: '2.0.0', pending: null });
  });

  it.each([
    ['of an unknown signer', 'forged', {}, 422, 'PLG_UNSIGNED'],
    ['of a later contract', 'ahead', {}, 422, 'PLG_INCOMPATIBLE'],
    ['that is not there in that version', 'quiet', { version: '^2' }, 422, 'PLG_INCOMPATIBLE'],
    ['no release of which is admitted', 'sales', { version: '9.0.0' }, 404, 'PLG_NOT_FOUND'],
    ['whose schema is none', 'strange', {}, 422, 'PLG_MANIFEST'],
    ['that is nowhere', 'nobody', {}, 404, 'PLG_NOT_FOUND'],
    ['for a grant that means nothing', 'quiet', { grants: ['root'] }, 422, 'REG_GATE_REFUSED'],
  ])('refuses one %s', async (_, id, body, status, code) => {
    const answer = await send<Refused>('POST', `/${id}/enable`, body);

    expect(refusalOf(answer), answer.text).toEqual([status, code]);
  });

  it('makes no commit of what is on already, though it does not say so', async () => {
    const before = await fileAt('registry.yaml');
    const registry = registryWith('  plugins: {opendatabot: {}}');
    await tools.push({ 'registry.yaml': registry });

    const answer = await send('POST', '/opendatabot/enable');

    expect([answer.status, answer.body.data.enabled]).toEqual([200, true]);
    expect(await fileAt('registry.yaml')).toBe(registry.trim());
    await tools.push({ 'registry.yaml': before });
  });

  it('refuses what a site administrator has switched off', async () => {
    const acting = { actor: 'system:management', requestId: '1' };
    await service.plugins.setEnabled('hangs', false, acting);

    const answer = await send<Refused>('POST', '/hangs/enable', {});

    await service.plugins.setEnabled('hangs', true, acting);
    expect(refusalOf(answer)).toEqual([422, 'PLG_DISABLED']);
  });

  it('is for whoever may manage plugins', async () => {
    const token = await tools.keyOf({ role: 'publisher' });

    const answer = await send<Refused>('POST', '/quiet/enable', {}, token);

    expect(refusalOf(answer)).toEqual([403, 'PERM_DENIED']);
  });
});

describe('POST /plugins/:id/disable', () => {
  it('is refused while something is bound to it, unless it is forced', async () => {
    await send('POST', '/quiet/enable', {});
    await send('POST', '/http/enable', {});

    const bound = await send<Refused>('POST', '/quiet/disable', {});
    const integrated = await send<Refused>('POST', '/http/disable', {});
    const forced = await send('POST', '/quiet/disable', { force: true });

    expect(refusalOf(bound)).toEqual([409, 'RES_IN_USE']);
    expect(bound.body.error.details).toEqual({
      dependents: [{ kind: 'Namespace', id: 'deals', path: 'namespaces/deals.yaml' }],
    });
    expect(integrated.body.error.details).toEqual({
      dependents: [{ kind: 'Integration', id: 'api', path: 'integrations/api.yaml' }],
    });
    expect([forced.status, forced.body.data.enabled]).toEqual([200, false]);
    expect(await fileAt('registry.yaml')).toMatch(/quiet:\n +enabled: false/);
  });

  it('keeps what it was granted, for when it is enabled again', async () => {
    await send('POST', '/sales/enable', { version: '2.0.0', grants: ['kv'] });
    await send('POST', '/sales/disable', {});

    const again = await send('POST', '/sales/enable', {});

    expect(again.body.data).toMatchObject({
      enabled: true,
      version: '2.0.0',
      permissions: { granted: ['kv'] },
    });
  });

  it('makes no commit of what is off already', async () => {
    const head = await fileAt('registry.yaml');

    const answer = await send('POST', '/hangs/disable', {});

    expect([answer.status, answer.body.data.enabled]).toEqual([200, false]);
    expect(await fileAt('registry.yaml')).toBe(head);
  });
});

describe('GET /plugins/:id/health', () => {
  it('asks the plugin, and tells how its calls went', async () => {
    await send('POST', '/desk/enable', { grants: ['kv', 'secrets'] });

    const { body } = await send<{ data: object }>('GET', '/desk/health');

    expect(body.data).toEqual({
      status: 'degraded',
      message: 'slow',
      checks: [{ name: 'db', ok: true }],
      state: 'active',
      breaker: 'closed',
      p50Ms: expect.any(Number) as number,
      p95Ms: expect.any(Number) as number,
      restarts: 0,
      memoryBytes: expect.any(Number) as number,
      lastError: null,
    });
  });

  it('is unknown of one that is off, and unhealthy of one that cannot run', async () => {
    const off = await send<{ data: object }>('GET', '/hangs/health');
    await tools.push({ 'registry.yaml': registryWith('  plugins: {forged: {}}') });
    const forged = await send<{ data: object }>('GET', '/forged/health');

    expect(off.body.data).toMatchObject({ status: 'unknown', message: 'it is off' });
    expect(forged.body.data).toMatchObject({ status: 'unhealthy', state: 'failed' });
  });
});

describe('POST /plugins/:id/reset', () => {
  it('closes the breaker', async () => {
    await send('POST', '/hangs/enable');
    const call = { org: tools.org, pluginId: 'hangs', method: 'agent.query', params: {} } as const;
    const calls = [1, 2, 3].map((n) =>
      service.plugins.call({ ...call, requestId: `${n}`, deadlineMs: 50 }),
    );
    await Promise.allSettled(calls);
    const open = await send<{ data: { breaker: string } }>('GET', '/hangs/health');

    const answer = await send('POST', '/hangs/reset');
    const closed = await send<{ data: { breaker: string } }>('GET', '/hangs/health');

    expect(open.body.data).toMatchObject({ status: 'unhealthy', breaker: 'open' });
    expect([answer.status, answer.body.data.lastError]).toEqual([200, null]);
    expect(closed.body.data).toMatchObject({ status: 'healthy', breaker: 'closed' });
  });

  it('lets one that has failed try again', async () => {
    await send('POST', '/quiet/enable', {});
    await writePlugin(pluginsDir, { manifest: { id: 'quiet' }, script: 'throw 1;' });
    await service.plugins.reload('quiet');
    await send('GET', '/quiet/health');
    const failed = await show('quiet');

    await writePlugin(pluginsDir, { manifest: { id: 'quiet' }, methods: ANSWERING });
    await service.plugins.reload('quiet');
    await send('POST', '/quiet/reset', { force: true });

    expect(failed.lastError).not.toBeNull();
    const healthy = await send<{ data: object }>('GET', '/quiet/health');
    expect(healthy.body.data).toMatchObject({ status: 'healthy', lastError: null });
  });
});

describe('where people decide about main', () => {
  beforeAll(async () => {
    await tools.close();
    await openTools('guarded');
    await send('POST', '/sales/enable', { version: '1.0.0' });
    const written = await fileAt('registry.yaml');
    await tools.push({
      'registry.yaml': `${written}\n  protection: {changeRequest: true}\n`,
    });
  });

  it('proposes to enable', async () => {
    const answer = await send<{ data: { change: { head: string; url: string } } }>(
      'POST',
      '/quiet/enable',
      {},
    );

    expect(answer.status, answer.text).toBe(202);
    const { head, url } = answer.body.data.change;
    expect(answer.headers.get('location')).toBe(url);
    expect(await fileAt('registry.yaml', head)).toContain('quiet');
    expect((await show('quiet')).enabled).toBe(false);
  });

  it('disables at once, though the change waits', async () => {
    const answer = await send('POST', '/sales/disable', {});

    expect(answer.status, answer.text).toBe(202);
    expect((await show('sales')).enabled).toBe(false);
  });

  it('does not lift that stop before it is decided', async () => {
    const answer = await send<Refused>('POST', '/sales/enable');

    expect(refusalOf(answer)).toEqual([409, 'RES_STATE_CONFLICT']);
    expect((await show('sales')).enabled).toBe(false);
  });
});
