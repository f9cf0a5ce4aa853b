import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostCall } from '../../src/plugin-host/plugin-host.ts';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { plainManifest, writePlugin } from '../support/plugins.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

const acting = { actor: 'user:ada', requestId: 'request-9' };
const settings = { WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' };

const document = (kind: string, spec: object) =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });
const registryWith = (plugins: object) =>
  document('Registry', { departments: { field: {} }, plugins });

const answering = (what: string) =>
  `{'agent.query': ({context}) => ({say: '${what}', config: context.config, orgId: context.orgId})}`;

/** The server part of the registry's plugin `sales`. */
const serverPart = (what: string, more: object = {}) => {
  const manifest = { ...plainManifest('sales'), version: undefined, ...more };
  return {
    'plugins/sales/server/plugin.json': JSON.stringify(manifest),
    'plugins/sales/server/index.js': `export default ${answering(what)};\n`,
  };
};

const configSchema = {
  type: 'object',
  properties: {
    greeting: { type: 'string', default: 'hello' },
    token: { type: 'string', writeOnly: true },
  },
  additionalProperties: false,
};

let dir: string;
let dataDir: string;
let service: TestService;
let org: OrgApi;
let other: OrgApi;

async function open(): Promise<void> {
  service = await openService(dataDir, { ...settings, WAYMARK_PLUGINS_DIR: dir });
}

beforeAll(async () => {
  dir = await temporaryFolder('waymark-plugins-');
  dataDir = await temporaryFolder('waymark-data-');
  await writePlugin(dir, { manifest: { configSchema }, methods: answering('from the host') });
  await writePlugin(dir, { manifest: { id: 'broken', displayName: '' } });
  await open();
  const files = {
    ...smallRegistry,
    ...serverPart('1.0.0'),
    'registry.yaml': registryWith({
      example: { config: { token: { secretRef: 'example-token' } } },
      sales: {},
      off: { enabled: false },
    }),
    'namespaces/west.yaml': document('Namespace', {
      department: 'field',
      plugins: { example: { config: { greeting: 'howdy' } } },
    }),
  };
  org = await openOrg(service, { files });
  other = await openOrg(service, { org: 'beta' });
  await org.publish('sales@1.0.0');
  await service.plugins.settled('tools');
});

afterAll(async () => {
  await org?.close();
  await other?.close();
  await service?.close();
  await rm(dir, { recursive: true });
  await rm(dataDir, { recursive: true });
});

const call = (pluginId: string, more: Partial<HostCall> = {}) =>
  service.plugins.call({
    org: 'tools',
    pluginId,
    method: 'agent.query',
    params: {},
    requestId: 'request-1',
    ...more,
  });
const find = (id: string) => service.plugins.find('tools', id);
const west = { scope: 'namespace', id: 'west.example' } as const;

describe('plugins', () => {
  it('are those of the host and of the registry, whether or not they run', () => {
    const shown = service.plugins
      .plugins('tools')
      .filter(({ source }) => source !== 'builtin')
      .map(({ id, source, version, state, isEnabled, signature, trust }) => ({
        id,
        source,
        version,
        state,
        isEnabled,
        signature,
        trust,
      }));

    expect(shown).toEqual([
      {
        id: 'broken',
        source: 'host',
        version: '0.0.0',
        state: 'failed',
        isEnabled: false,
        signature: 'unsigned',
        trust: 'untrusted',
      },
      {
        id: 'example',
        source: 'host',
        version: '1.0.0',
        state: 'discovered',
        isEnabled: true,
        signature: 'unsigned',
        trust: 'untrusted',
      },
      {
        id: 'sales',
        source: 'registry',
        version: '1.0.0',
        state: 'discovered',
        isEnabled: true,
        signature: 'signed',
        trust: 'untrusted',
      },
    ]);
    expect(find('broken')?.lastError).toMatch(/^PLG_MANIFEST: plugin\.json\/displayName/);
  });

  it('of an org that enables none are there, and off', () => {
    const { plugins } = service;

    expect(plugins.find('beta', 'example')).toMatchObject({ isEnabled: false });
    expect(plugins.find('beta', 'sales')).toBeUndefined();
    expect(plugins.plugins('nobody')).toEqual([]);
  });
});

describe('call', () => {
  it('runs a plugin with the org’s configuration, its defaults, and no secret that is not granted', async () => {
    expect(await call('example')).toEqual({
      say: 'from the host',
      config: { greeting: 'hello', token: 'secret:token' },
      orgId: 'tools',
    });
  });

  it('runs it with a namespace’s', async () => {
    expect(await call('example', { binding: west })).toMatchObject({
      config: { greeting: 'howdy' },
    });
  });

  it('runs what the registry has released', async () => {
    expect(await call('sales')).toMatchObject({ say: '1.0.0' });
  });

  it.each<[string, Partial<HostCall>]>([
    ['a plugin that nobody has', { pluginId: 'nobody' }],
    ['a plugin that is off', { org: 'beta' }],
    ['an org that nobody has', { org: 'nobody' }],
    ['a binding that nobody has', { binding: { scope: 'namespace', id: 'east.example' } }],
    ['another plugin’s binding', { binding: { scope: 'org', id: 'sales' } }],
  ])('answers PLG_NOT_FOUND for %s', async (_what, more) => {
    await expect(call('example', more)).rejects.toMatchObject({ code: 'PLG_NOT_FOUND' });
  });
});

describe('checkConfig', () => {
  it('fills in defaults of what suits, and tells what does not by its pointer', async () => {
    const check = (config: object) =>
      service.plugins.checkConfig('tools', 'example', 'org', config);

    expect(await check({ token: 'new' })).toEqual({
      isValid: true,
      config: { greeting: 'hello', token: 'new' },
    });
    expect(await check({ greeting: 7, extra: true })).toMatchObject({
      isValid: false,
      errors: expect.arrayContaining([
        expect.objectContaining({ field: '/greeting' }),
        expect.objectContaining({ field: '/extra' }),
      ]),
    });
  });
});

describe('what is committed', () => {
  it('is in force for the next call: configuration, and off', async () => {
    const namespace = (plugins: object) => ({
      'namespaces/west.yaml': document('Namespace', { department: 'field', plugins }),
    });

    await org.push(namespace({ example: { config: { greeting: 'hi' } } }));
    expect(await call('example', { binding: west })).toMatchObject({ config: { greeting: 'hi' } });
    await org.push(namespace({ example: { enabled: false } }));

    await expect(call('example', { binding: west })).rejects.toMatchObject({
      code: 'PLG_NOT_FOUND',
    });
    expect(service.plugins.findBinding('tools', west)).toMatchObject({ isEnabled: false });
    await org.push(namespace({ example: {} }));
    expect(await call('example', { binding: west })).toMatchObject({
      config: { greeting: 'hello' },
    });
  });

  it('swaps to a new release; a greedier or broken one waits', async () => {
    await call('sales');
    await org.push(serverPart('1.1.0'));
    await org.publish('sales@1.1.0');
    await service.plugins.settled('tools');
    expect(await call('sales')).toMatchObject({ say: '1.1.0' });

    await org.push(serverPart('1.2.0', { permissions: { kv: true } }));
    await org.publish('sales@1.2.0');
    await service.plugins.settled('tools');
    expect(find('sales')).toMatchObject({
      version: '1.1.0',
      pending: {
        version: '1.2.0',
        reason: 'PLG_PERMISSIONS: it asks for kv, which is not granted',
      },
    });
    await org.push({ ...serverPart('1.3.0'), 'plugins/sales/server/index.js': 'export default {' });
    await org.publish('sales@1.3.0');
    await service.plugins.settled('tools');

    expect(await call('sales')).toMatchObject({ say: '1.1.0' });
    expect(find('sales')?.pending).toMatchObject({ version: '1.3.0' });
  });
});

describe('reload', () => {
  it('takes up what lies in the folder now', async () => {
    await call('example');
    const manifest = { version: '1.0.1', configSchema };
    await writePlugin(dir, { manifest, methods: answering('changed') });

    await service.plugins.reload('example');

    expect(await call('example')).toMatchObject({ say: 'changed' });
    expect(find('example')).toMatchObject({ version: '1.0.1', pending: null });
  });

  it('keeps what serves when the new script does not load, until a later one does', async () => {
    await writeFile(join(dir, 'example/index.js'), 'export default {');
    await service.plugins.reload('example');
    expect(await call('example')).toMatchObject({ say: 'changed' });
    expect(find('example')?.pending?.reason).toMatch(/^PLG_FAILED: /);

    const manifest = { version: '1.0.1', configSchema };
    await writePlugin(dir, { manifest, methods: answering('mended') });
    await service.plugins.reload('example');

    expect(await call('example')).toMatchObject({ say: 'mended' });
    expect(find('example')?.pending).toBeNull();
  });

  it('answers PLG_NOT_FOUND for what nobody has', async () => {
    await expect(service.plugins.reload('nobody')).rejects.toMatchObject({ code: 'PLG_NOT_FOUND' });
  });

  it('gives an id to the host before the registry, and says so of the other', async () => {
    await writePlugin(dir, { manifest: { id: 'sales' }, methods: answering('the host’s') });
    await service.plugins.reload('sales');

    const both = service.plugins.plugins('tools').filter(({ id }) => id === 'sales');
    expect(both).toMatchObject([
      { source: 'host' },
      {
        source: 'registry',
        state: 'failed',
        isEnabled: false,
        lastError: 'PLG_ID_TAKEN: a plugin of this id comes from a source that goes first',
      },
    ]);
    expect(await call('sales')).toMatchObject({ say: 'the host’s' });
    await rm(join(dir, 'sales'), { recursive: true });
    await service.plugins.reload('sales');
    expect(find('sales')).toMatchObject({ source: 'registry' });
  });
});

describe('reset', () => {
  it('lets a plugin that failed start again', async () => {
    const methods = `{'plugin.register': () => ({})}`;
    await writePlugin(dir, { manifest: { version: '1.0.2', configSchema }, methods });
    await service.plugins.setEnabled('example', false, acting);
    await service.plugins.setEnabled('example', true, acting);
    await expect(call('example')).rejects.toMatchObject({ code: 'PLG_FAILED' });
    expect(find('example')?.state).toBe('failed');

    const manifest = { version: '1.0.2', configSchema };
    await writePlugin(dir, { manifest, methods: answering('again') });
    await service.plugins.reload('example');
    await service.plugins.reset('tools', 'example');

    expect(await call('example')).toMatchObject({ say: 'again' });
    expect(find('example')).toMatchObject({ state: 'active', lastError: null });
  });
});

describe('setEnabled', () => {
  it('holds for all bindings, and across a restart', async () => {
    await service.plugins.setEnabled('example', false, acting);
    await expect(call('example')).rejects.toMatchObject({ code: 'PLG_NOT_FOUND' });
    await expect(call('example', { binding: west })).rejects.toMatchObject({
      code: 'PLG_NOT_FOUND',
    });

    await service.close();
    await open();
    await org.follow(service);
    expect(find('example')?.isEnabled).toBe(false);
    await service.plugins.setEnabled('example', true, acting);

    expect(await call('example')).toMatchObject({ orgId: 'tools' });
  });

  it('is not for what an org’s registry brings along', async () => {
    await expect(service.plugins.setEnabled('sales', false, acting)).rejects.toMatchObject({
      code: 'PLG_NOT_FOUND',
    });
  });
});

describe('approveProcess', () => {
  it('is for signed plugins of the host', async () => {
    const { plugins } = service;

    await expect(plugins.approveProcess('example', acting)).rejects.toMatchObject({
      code: 'PLG_UNSIGNED',
    });
    await expect(plugins.approveProcess('sales', acting)).rejects.toMatchObject({
      code: 'PLG_NOT_FOUND',
    });
  });
});

describe('stopBinding', () => {
  const openChange = async (): Promise<number> => {
    const base = await org.push({ 'plugins/sales/README.md': `At ${performance.now()}.\n` });
    const operations = [{ op: 'upsert', path: 'plugins/sales/README.md', content: 'Later.\n' }];
    const body = { title: 'Say more', base, operations };
    return (await org.post<{ number: number }>('/change-requests', body)).number;
  };
  const refused = () =>
    expect(call('example', { binding: west })).rejects.toMatchObject({ code: 'PLG_NOT_FOUND' });

  it('holds at once, for that binding, until it is lifted', async () => {
    await service.plugins.stopBinding('tools', west, await openChange(), acting);

    await refused();
    expect(await call('example')).toMatchObject({ orgId: 'tools' });
    await service.plugins.resumeBinding('tools', west, acting);
    expect(await call('example', { binding: west })).toMatchObject({ orgId: 'tools' });
  });

  it('holds across a restart and looks at the registry, until the change is closed', async () => {
    const number = await openChange();
    await service.plugins.stopBinding('tools', west, number, acting);

    await service.close();
    await open();
    await org.follow(service);
    await refused();
    await org.push({ 'plugins/sales/README.md': 'Now.\n' });
    await refused();
    await org.post(`/change-requests/${number}/close`, {});
    await org.push({ 'plugins/sales/README.md': 'Now!\n' });

    expect(await call('example', { binding: west })).toMatchObject({ orgId: 'tools' });
  });
});
