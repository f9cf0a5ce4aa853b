import { describe, expect, it } from 'vitest';
import type { Binding } from '../../../src/plugin-host/binding.ts';
import { PluginFault } from '../../../src/plugin-host/contract/fault.ts';
import { tryEvent } from '../../../src/plugin-host/events/try-event.ts';
import type { HostedPlugin } from '../../../src/plugin-host/hosted-plugin.ts';
import type { HostCall } from '../../../src/plugin-host/plugin-host.ts';

const bindingOf = (id: string, part: Partial<Binding> = {}): Binding => ({
  scope: 'org',
  id,
  pluginId: 'hello',
  namespaceId: null,
  departmentId: null,
  isEnabled: true,
  config: {},
  path: 'registry.yaml',
  configDigest: 'digest',
  ...part,
});
const namespace = { scope: 'namespace', namespaceId: 'sales' } as const;

const bindings = [
  bindingOf('hello'),
  // It covers nothing: an event that happened would not reach it.
  bindingOf('sales.hello', namespace),
  bindingOf('sales.off', { ...namespace, isEnabled: false }),
  bindingOf('mine', { scope: 'integration' }),
  bindingOf('other', { pluginId: 'other' }),
];

/** Tries `type` at a host whose hooks answer as said. */
async function run(
  type: 'approval.created' | 'document.ready',
  answer: (call: HostCall) => unknown = () => ({}),
) {
  const calls: HostCall[] = [];
  const manifest = { hooks: ['approval.created'], capabilities: new Set(['approval_hook']) };
  const host = {
    settled: async () => {},
    bindings: () => bindings,
    find: (_: string, id: string) =>
      id === 'gone' ? undefined : ({ id, isEnabled: true, manifest } as unknown as HostedPlugin),
    async call(call: HostCall) {
      calls.push(call);
      return answer(call);
    },
  };
  let nowMs = 0;
  const trial = { org: 'acme', pluginId: 'hello', type, data: { approvalId: 'a-1' } };
  const outcomes = await tryEvent(host, trial, () => nowMs++);
  return { outcomes, calls, host };
}

describe('tryEvent', () => {
  it('gives an event to each binding of the plugin that hears it', async () => {
    const { outcomes, calls } = await run('approval.created');

    expect(outcomes).toMatchObject([
      { binding: 'org hello', ok: true },
      { binding: 'namespace sales.hello', ok: true },
    ]);
    expect(calls[1]).toMatchObject({
      method: 'hook.handle',
      binding: { scope: 'namespace', id: 'sales.hello' },
      params: {
        event: { type: 'approval.created', namespaceId: 'sales', data: { approvalId: 'a-1' } },
      },
    });
  });

  it('says what a hook threw, and that a bug is one', async () => {
    const { outcomes } = await run('approval.created', ({ binding }) => {
      if (binding?.scope === 'org') throw new PluginFault({ code: 'LATER', message: 'not now' });
      throw new TypeError('x is not a function');
    });

    expect(outcomes).toMatchObject([
      { ok: false, error: { code: 'LATER', message: 'not now' } },
      { ok: false, error: { code: 'PLG_HANDLER_ERROR', message: 'x is not a function' } },
    ]);
  });

  it('reaches nobody with what the plugin does not hear', async () => {
    expect((await run('document.ready')).outcomes).toEqual([]);
  });

  it('does not know a plugin that is off or not there', async () => {
    const { host } = await run('document.ready');
    const gone = { org: 'acme', pluginId: 'gone', type: 'document.ready', data: {} } as const;

    await expect(tryEvent(host, gone, () => 0)).rejects.toMatchObject({ code: 'PLG_NOT_FOUND' });
  });
});
