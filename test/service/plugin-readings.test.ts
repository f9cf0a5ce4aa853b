import { describe, expect, it } from 'vitest';
import { type HostedPlugin, UNTOUCHED } from '../../src/plugin-host/hosted-plugin.ts';
import { unreadManifest } from '../../src/plugin-host/part.ts';
import { degradedPlugins, readingsOfPlugins } from '../../src/service/plugin-readings.ts';

const plugin = (id: string, part: Partial<HostedPlugin> = {}): HostedPlugin => ({
  id,
  version: '1.0.0',
  source: 'host',
  digest: '',
  signature: 'signed',
  trust: 'trusted',
  manifest: unreadManifest(id),
  isEnabled: true,
  priority: 0,
  state: 'active',
  grants: [],
  requested: [],
  routes: [],
  pages: [],
  pending: null,
  lastError: null,
  health: UNTOUCHED,
  ...part,
});

const troubled = plugin('crm', {
  state: 'failed',
  pending: { version: '2.0.0', reason: 'PLG_PERMISSIONS: it asks for kv, which is not granted' },
  health: {
    ...UNTOUCHED,
    breaker: 'open',
    calls: { answered: 7, fault: 3, unsent: 1 },
    restarts: 3,
    memoryBytes: 1024,
  },
});

const watching = (...all: HostedPlugin[]) =>
  ({
    runtimes: { all: () => [{ org: { slug: 'acme' } }] },
    plugins: { plugins: () => all },
  }) as never;

describe('readingsOfPlugins', () => {
  it('are of the plugins that are on', async () => {
    const readings = readingsOfPlugins(watching(troubled, plugin('off', { isEnabled: false })));

    const read = await Promise.all(
      readings.map(async ({ name, read: take }) => [name, await take()]),
    );

    const labels = { org: 'acme', plugin: 'crm' };
    expect(Object.fromEntries(read)).toEqual({
      plugin_calls: [
        { labels: { ...labels, outcome: 'answered' }, value: 7 },
        { labels: { ...labels, outcome: 'fault' }, value: 3 },
        { labels: { ...labels, outcome: 'unsent' }, value: 1 },
      ],
      plugin_restarts: [{ labels, value: 3 }],
      plugin_resting: [{ labels, value: 1 }],
      plugin_memory_bytes: [{ labels, value: 1024 }],
    });
  });
});

describe('degradedPlugins', () => {
  it('counts what does not load, rests or waits, without names', () => {
    expect(degradedPlugins(watching(plugin('fine'), troubled))).toEqual([
      '1 plugins do not load: see their lastError',
      '1 plugins failed repeatedly and rest',
      '1 plugins have a version that cannot take over',
    ]);
  });

  it('says nothing of what is well, or off', () => {
    expect(degradedPlugins(watching(plugin('fine'), { ...troubled, isEnabled: false }))).toEqual(
      [],
    );
  });
});
