import { describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../src/identity/caller.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { type AgentQueryDeps, queryAgents } from '../../src/plugin-host/query-agents.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import type { After } from '../../src/plugin-host/timers.ts';
import { type FakePlugin, fakePluginHost } from '../support/fakes/plugin-host.ts';

const never: After = () => () => {};
/** The deadline passes as soon as it is set. */
const atOnce: After = (_delayMs, run) => {
  queueMicrotask(run);
  return () => {};
};

const boundTo = (namespace: string, pluginId: string, part: Partial<Binding> = {}): Binding => ({
  ...bareBinding(pluginId),
  scope: 'namespace',
  id: `${namespace}.${pluginId}`,
  namespaceId: namespace,
  ...part,
});

type Answering = FakePlugin & { does?: (query: string) => unknown };

function open(plugins: readonly Answering[], bindings?: readonly Binding[], after = never) {
  const host = fakePluginHost(
    plugins.map(({ does = () => [], ...plugin }) => ({
      capabilities: ['agent_query'],
      methods: { 'agent.query': async ({ query }) => ({ results: await does(query as string) }) },
      ...plugin,
    })),
    { bindings: bindings ?? plugins.map(({ id }) => boundTo('deals', id)) },
  );
  const deps: AgentQueryDeps = { plugins: host, after };
  const ask = (pluginIds?: readonly string[]) =>
    queryAgents(deps, {
      org: 'acme',
      namespace: 'deals',
      query: 'what?',
      requestId: 'request-1',
      caller: ANONYMOUS,
      pluginIds,
    });
  return { host, ask };
}

const titled = (title: string) => [{ type: 'note', title }];

describe('queryAgents', () => {
  it('gives results by priority, the highest first, then by id', async () => {
    const { ask } = open([
      { id: 'b', does: () => titled('of b') },
      { id: 'a', does: () => titled('of a') },
      { id: 'z', priority: 5, does: () => [...titled('first'), ...titled('second')] },
    ]);

    const { results, skipped } = await ask();

    expect(results.map(({ pluginId, title }) => `${pluginId}: ${title}`)).toEqual([
      'z: first',
      'z: second',
      'a: of a',
      'b: of b',
    ]);
    expect(skipped).toEqual([]);
  });

  it('asks each for its binding, on behalf of whoever asks', async () => {
    const { host, ask } = open([{ id: 'a', does: (query) => titled(query) }]);

    const { results } = await ask();

    expect(results).toEqual([{ pluginId: 'a', type: 'note', title: 'what?' }]);
    expect(host.calls).toMatchObject([
      {
        org: 'acme',
        pluginId: 'a',
        requestId: 'request-1',
        caller: ANONYMOUS,
        binding: { scope: 'namespace', id: 'deals.a' },
        isRepeatable: true,
      },
    ]);
  });

  it('says itself whose a result is', async () => {
    const { ask } = open([{ id: 'a', does: () => [{ ...titled('x')[0], pluginId: 'forged' }] }]);

    expect((await ask()).results).toMatchObject([{ pluginId: 'a' }]);
  });

  it('asks those alone that are on, able and of the namespace', async () => {
    const plugins: Answering[] = [
      { id: 'on' },
      { id: 'off' },
      { id: 'elsewhere' },
      { id: 'unable', capabilities: ['tools'] },
      { id: 'org-only' },
    ];
    const { host, ask } = open(plugins, [
      boundTo('deals', 'on'),
      boundTo('deals', 'off', { isEnabled: false }),
      boundTo('deals', 'gone'),
      boundTo('law', 'elsewhere'),
      boundTo('deals', 'unable'),
    ]);

    await ask();

    expect(host.calls.map(({ pluginId }) => pluginId)).toEqual(['on']);
  });

  it('asks only those that are wanted, and tells which are not there', async () => {
    const { host, ask } = open([{ id: 'a' }, { id: 'b' }]);

    const { skipped } = await ask(['b', 'c']);

    expect(host.calls.map(({ pluginId }) => pluginId)).toEqual(['b']);
    expect(skipped).toEqual([{ pluginId: 'c', reason: 'PLG_NOT_FOUND', durationMs: 0 }]);
  });

  it.each<[string, () => unknown, string]>([
    ['is of another shape', () => [{ type: 'note' }], 'PLG_BAD_RESPONSE'],
    ['is too many', () => Array.from({ length: 21 }, () => titled('x')[0]), 'PLG_BAD_RESPONSE'],
    ['is too much', () => titled('x'.repeat(65_537)), 'PLG_BAD_RESPONSE'],
    [
      'is the host’s refusal',
      () => {
        throw new WaymarkError('PLG_BREAKER_OPEN', 'not now');
      },
      'PLG_BREAKER_OPEN',
    ],
    [
      'is an error of the plugin’s own',
      () => {
        throw new PluginFault({ code: 'NO_SUCH_DEAL', message: 'there is no such deal' });
      },
      'NO_SUCH_DEAL',
    ],
    [
      'is a bug',
      () => {
        throw new TypeError('x is not a function');
      },
      'INTERNAL',
    ],
  ])('skips one whose answer %s, and keeps the others', async (_, does, reason) => {
    const { ask } = open([
      { id: 'bad', does },
      { id: 'good', does: () => titled('of good') },
    ]);

    const { results, skipped } = await ask();

    expect(results.map(({ pluginId }) => pluginId)).toEqual(['good']);
    expect(skipped).toMatchObject([{ pluginId: 'bad', reason }]);
  });

  it('skips one that is late, and calls its call off', async () => {
    const { host, ask } = open(
      [{ id: 'late', does: () => new Promise(() => {}) }],
      undefined,
      atOnce,
    );

    const { results, skipped } = await ask();

    expect([results, skipped]).toMatchObject([[], [{ pluginId: 'late', reason: 'PLG_TIMEOUT' }]]);
    expect(host.calls[0]?.signal?.aborted).toBe(true);
  });
});
