import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPluginKey } from '../../../src/signing/plugin-signature.ts';
import { ask } from '../../support/app.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { signWritten, writePlugin } from '../../support/plugins.ts';
import { openService, type TestService } from '../../support/service.ts';
import { smallRegistry } from '../../support/small-registry.ts';

/** Asks the host for whatever it is told to. */
const methods = `{
  'agent.query': async ({ query, host_callback_id }) => {
    const { name, params, url, headers } = JSON.parse(query);
    try {
      if (name === 'id') return { value: host_callback_id };
      if (name === 'fetch') return { value: await (await fetch(url, { headers })).text() };
      return { value: await waymark.call(name, params) };
    } catch (error) {
      return { code: error.code };
    }
  },
}`;

const manifest = {
  permissions: { http: [{ hosts: ['config:/url'] }], kv: true, read: ['namespaces'] },
  configSchema: {
    type: 'object',
    properties: { url: { type: 'string' }, token: { type: 'string', writeOnly: true } },
  },
};
const grants = ['http', 'kv', 'read'];

let dir: string;
let service: TestService;
let orgs: OrgApi[];
let outside: Server;
const seen: IncomingHttpHeaders[] = [];

beforeAll(async () => {
  outside = createServer((request, response) => {
    seen.push(request.headers);
    response.end('hello from outside');
  });
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
  dir = await mkdtemp(join(tmpdir(), 'waymark-plugins-'));
  const { privateKey, publicKey } = createPluginKey();
  const signed = await writePlugin(dir, { manifest: { ...manifest, id: 'signed' }, methods });
  await signWritten(signed, privateKey);
  await writePlugin(dir, { manifest: { ...manifest, id: 'unsigned' }, methods });
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
    WAYMARK_PLUGIN_KEYS: publicKey,
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
  });
  const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  const config = { url, token: { secretRef: 'api-token' } };
  const plugins = { signed: { grants, config }, unsigned: { grants, config } };
  const registry = { apiVersion: 'waymark/v1', kind: 'Registry', spec: { plugins } };
  const files = { ...smallRegistry, 'registry.yaml': JSON.stringify(registry) };
  orgs = [
    await openOrg(service, { org: 'acme', files }),
    await openOrg(service, { org: 'globex', files }),
  ];
  for (const { org, admin } of orgs) {
    const secret = { method: 'PUT', token: admin, body: { value: `of-${org}` } };
    await ask(`${service.url}/api/v1/secrets/api-token`, secret);
  }
});

afterAll(async () => {
  for (const org of orgs ?? []) await org.close();
  await service?.close();
  outside?.close();
  await rm(dir, { recursive: true });
});

interface Told {
  value?: unknown;
  code?: string;
}

const tell = (order: object, { org = 'acme', pluginId = 'signed' } = {}): Promise<Told> =>
  service.plugins.call({
    org,
    pluginId,
    method: 'agent.query',
    params: { query: JSON.stringify(order) },
    requestId: 'request-1',
  }) as Promise<Told>;

describe('a guest', () => {
  it('keeps values for its own org and plugin', async () => {
    await tell({ name: 'host.kv.set', params: { key: 'a', value: [1, 'é'] } });

    const get = { name: 'host.kv.get', params: { key: 'a' } };
    expect(await tell(get)).toEqual({ value: { value: [1, 'é'] } });
    expect(await tell(get, { org: 'globex' })).toEqual({ value: { value: null } });
    expect(await tell(get, { pluginId: 'unsigned' })).toEqual({ value: { value: null } });
  });

  it('fetches from where it is configured to, with a secret that it never sees', async () => {
    const { port } = outside.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;

    const answer = await tell({ name: 'fetch', url, headers: { 'x-token': 'secret:token' } });

    expect(answer).toEqual({ value: 'hello from outside' });
    expect(seen.at(-1)).toMatchObject({ 'x-token': 'of-acme' });
  });

  it('has no network when nobody signed it', async () => {
    const before = seen.length;
    const { port } = outside.address() as AddressInfo;
    const params = { url: `http://127.0.0.1:${port}/` };

    const answer = await tell({ name: 'host.http.do', params }, { pluginId: 'unsigned' });

    expect(answer).toEqual({ code: 'PLG_CALLBACK_REFUSED' });
    expect(seen).toHaveLength(before);
  });

  it('reads what its org has', async () => {
    const answer = await tell({ name: 'host.read', params: { resource: 'namespaces' } });

    expect(answer).toMatchObject({ value: { items: [], pagination: { totalItems: 0 } } });
  });

  it('calls nothing back for a call that has ended, nor for another’s', async () => {
    const { value: ended } = await tell({ name: 'id' });
    const { value: foreign } = await tell({ name: 'id' }, { org: 'globex' });

    for (const host_callback_id of [ended, foreign, 'guessed']) {
      const params = { host_callback_id, key: 'a' };
      expect(await tell({ name: 'host.kv.get', params })).toEqual({ code: 'PLG_CALLBACK_REFUSED' });
    }
  });
});
