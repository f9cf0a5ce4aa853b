import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { writePlugin } from '../support/plugins.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

let dir: string;
let service: TestService;
let org: OrgApi;

const registryWith = (plugins: object) =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind: 'Registry', spec: { plugins } });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-plugins-'));
  await writePlugin(dir, {
    methods: `{'agent.query': ({query, context}) => ({results: [{query, config: context.config}]})}`,
  });
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
  });
  const files = {
    ...smallRegistry,
    'registry.yaml': registryWith({ example: { config: { greeting: 'hello' } } }),
  };
  org = await openOrg(service, { files });
});

afterAll(async () => {
  await org?.close();
  await service?.close();
  await rm(dir, { recursive: true });
});

describe('call', () => {
  it('runs a plugin of the host folder with the org’s configuration', async () => {
    const result = await service.plugins.call({
      org: 'tools',
      pluginId: 'example',
      method: 'agent.query',
      params: { query: 'who?' },
      requestId: 'request-1',
    });

    expect(result).toEqual({ results: [{ query: 'who?', config: { greeting: 'hello' } }] });
    expect(service.plugins.find('tools', 'example')).toMatchObject({
      state: 'active',
      source: 'host',
      signature: 'unsigned',
      isEnabled: true,
    });
  });
});
