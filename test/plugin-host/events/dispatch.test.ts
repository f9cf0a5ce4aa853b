import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../../src/database/stores.ts';
import { WaymarkError } from '../../../src/model/errors.ts';
import type { Binding } from '../../../src/plugin-host/binding.ts';
import { PluginFault } from '../../../src/plugin-host/contract/fault.ts';
import { dispatchEvents } from '../../../src/plugin-host/events/dispatch.ts';
import type { HookEvent } from '../../../src/plugin-host/events/event.ts';
import type { HostedPlugin } from '../../../src/plugin-host/hosted-plugin.ts';
import type { HostCall, PluginHost } from '../../../src/plugin-host/plugin-host.ts';
import { createMemoryStores } from '../../support/fakes/memory-stores.ts';
import { makeEntry, makeEvent, makeOrg } from '../../support/records.ts';

const NOW_MS = Date.UTC(2026, 2, 4, 12);

const bindingOf = (id: string, part: Partial<Binding> = {}): Binding => ({
  scope: 'org',
  id,
  pluginId: id,
  namespaceId: null,
  departmentId: null,
  isEnabled: true,
  config: {},
  path: 'registry.yaml',
  configDigest: 'digest',
  ...part,
});

const hostedPlugin = (
  id: string,
  { hooks = [] as string[], capabilities = ['approval_hook'] } = {},
): HostedPlugin =>
  ({ id, isEnabled: true, manifest: { hooks, capabilities: new Set(capabilities) } }) as never;

let stores: Stores;
let bindings: Binding[];
let plugins: HostedPlugin[];
let calls: HostCall[];
let answer: (call: HostCall) => Promise<unknown>;
let logged: unknown[];
let stopping: AbortController;
let nowMs: number;

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  bindings = [bindingOf('chat')];
  plugins = [hostedPlugin('chat')];
  calls = [];
  answer = async () => ({});
  logged = [];
  nowMs = NOW_MS;
  stopping = new AbortController();
});

const host = {
  settled: async () => {},
  bindings: () => bindings,
  find: (_org: string, id: string) => plugins.find((one) => one.id === id),
  call: async (call: HostCall) => {
    calls.push(call);
    return await answer(call);
  },
} satisfies Partial<PluginHost>;

const raise = (...events: HookEvent[]) =>
  stores.publications.project({
    org: 'acme',
    pointers: [],
    releases: [],
    closes: [],
    entries: [],
    events,
  });
const dispatch = () => {
  const log = { info() {}, error() {}, warn: (facts: unknown) => void logged.push(facts) };
  const deps = { host, events: stores.events, clock: () => nowMs, log };
  return dispatchEvents(deps, 'acme', stopping.signal);
};
const told = () =>
  calls.map(({ binding, params }) => `${binding!.id} ${(params as { event: HookEvent }).event.id}`);
const outcomes = async (...ids: string[]) =>
  (await stores.events.deliveries('acme', ids)).map((one) => `${one.id} ${one.outcome}`);
const timeout = () => {
  nowMs += 5_000;
  return new WaymarkError('PLG_TIMEOUT', 'it did not answer in 5 s');
};

describe('dispatchEvents', () => {
  it('calls the hook with the event as that binding is to see it', async () => {
    const place = { namespaceId: 'east', departmentId: 'field', covers: { plugins: ['sales'] } };
    bindings = [bindingOf('east.chat', { scope: 'namespace', pluginId: 'chat', ...place })];
    await raise(makeEvent('event-1', { plugins: ['sales'] }));

    expect(await dispatch()).toBeUndefined();

    expect(calls).toEqual([
      {
        org: 'acme',
        pluginId: 'chat',
        binding: { scope: 'namespace', id: 'east.chat' },
        method: 'hook.handle',
        params: {
          event: {
            id: 'event-1',
            type: 'approval.created',
            timestamp: '2026-03-01T12:00:00.000Z',
            orgId: 'acme',
            namespaceId: 'east',
            departmentId: 'field',
            data: { approvalId: 'change-requests/1' },
          },
        },
        requestId: 'event-1',
        isRepeatable: true,
        signal: stopping.signal,
      },
    ]);
    expect(await stores.events.deliveries('acme', ['event-1'])).toEqual([
      {
        org: 'acme',
        eventId: 'event-1',
        scope: 'namespace',
        id: 'east.chat',
        outcome: 'done',
        at: '2026-03-04T12:00:00.000Z',
        durationMs: 0,
        error: null,
      },
    ]);
  });

  it('tells nobody twice', async () => {
    await raise(makeEvent('event-1'));

    await dispatch();
    await dispatch();

    expect(told()).toEqual(['chat event-1']);
  });

  it('settles what nobody wants to hear', async () => {
    bindings = [];
    await raise(makeEvent('event-1'));

    expect(await dispatch()).toBeUndefined();

    expect(await stores.events.unsettled('acme', 10)).toEqual([]);
  });

  it('tells one binding in order, and different ones at the same time', async () => {
    bindings = [bindingOf('chat'), bindingOf('audit')];
    plugins = [hostedPlugin('chat'), hostedPlugin('audit')];
    const both = Promise.withResolvers<void>();
    answer = async () => {
      if (calls.length === 2) both.resolve();
      await both.promise;
    };
    await raise(makeEvent('event-1'), makeEvent('event-2'));

    await dispatch();

    expect(told().slice(0, 2).sort()).toEqual(['audit event-1', 'chat event-1']);
    expect(told().slice(2).sort()).toEqual(['audit event-2', 'chat event-2']);
  });

  it('skips a hook that fails, and says so in the log alone', async () => {
    bindings = [bindingOf('chat'), bindingOf('audit')];
    plugins = [hostedPlugin('chat'), hostedPlugin('audit')];
    answer = async ({ pluginId }) => {
      if (pluginId === 'chat') throw new Error('no such channel\0');
    };
    await raise(makeEvent('event-1'), makeEvent('event-2'));

    expect(await dispatch()).toBeUndefined();

    expect(await outcomes('event-1', 'event-2')).toEqual([
      'audit done',
      'chat failed',
      'audit done',
      'chat failed',
    ]);
    const [first] = await stores.events.deliveries('acme', ['event-1']).then((all) => all.slice(1));
    expect(first?.error).toBe('no such channel');
    expect(logged).toMatchObject([
      { pluginId: 'chat', eventId: 'event-1' },
      { eventId: 'event-2' },
    ]);
    expect(await stores.events.unsettled('acme', 10)).toEqual([]);
  });

  it('leaves the rest of a hook that does not answer for the next run', async () => {
    bindings = [bindingOf('chat'), bindingOf('audit')];
    plugins = [hostedPlugin('chat'), hostedPlugin('audit')];
    answer = async ({ pluginId }) => {
      if (pluginId === 'chat') throw timeout();
    };
    await raise(makeEvent('event-1'), makeEvent('event-2'));

    expect(await dispatch()).toBe(0);

    expect(await outcomes('event-1', 'event-2')).toEqual([
      'audit done',
      'chat failed',
      'audit done',
    ]);
    expect((await stores.events.unsettled('acme', 10)).map(({ id }) => id)).toEqual(['event-2']);

    expect(await dispatch()).toBeUndefined();

    expect(told().filter((one) => one.startsWith('chat'))).toEqual([
      'chat event-1',
      'chat event-2',
    ]);
    expect(await stores.events.unsettled('acme', 10)).toEqual([]);
  });

  it.each([
    ['that is busy', () => new WaymarkError('PLG_BUSY', 'its queue is full')],
    [
      'that says so itself',
      () => new PluginFault({ code: 'AWAY', message: 'not now', isRetryable: true }),
    ],
  ])('tells a hook %s later, while the event is young', async (_, fault) => {
    answer = async () => {
      throw fault();
    };
    await raise(makeEvent('event-1', { at: new Date(nowMs).toISOString() }), makeEvent('event-2'));

    expect(await dispatch()).toBe(5_000);
    nowMs += 9 * 60_000;
    expect(await dispatch()).toBe(5_000);
    expect(await outcomes('event-1', 'event-2')).toEqual([]);

    nowMs += 60_000;
    expect(await dispatch()).toBeUndefined();
    expect(await outcomes('event-1', 'event-2')).toEqual(['chat failed', 'chat failed']);
  });

  it.each(['PLG_TIMEOUT', 'PLG_BREAKER_OPEN', 'PLG_RESTARTED'] as const)(
    'tells webhooks later what they could not store, and no other hook: %s',
    async (code) => {
      bindings = [bindingOf('chat'), bindingOf('webhooks')];
      plugins = [hostedPlugin('chat'), hostedPlugin('webhooks')];
      answer = async () => {
        throw new WaymarkError(code, 'not now');
      };
      await raise(makeEvent('event-1', { at: new Date(nowMs).toISOString() }));

      expect(await dispatch()).toBe(5_000);
      expect(await outcomes('event-1')).toEqual(['chat failed']);

      answer = async () => ({});
      expect(await dispatch()).toBeUndefined();
      expect(await outcomes('event-1')).toEqual(['chat failed', 'webhooks done']);
    },
  );

  it('passes over an org that has the plugin on for its namespaces alone', async () => {
    bindings = [
      bindingOf('chat'),
      bindingOf('east.chat', { scope: 'namespace', pluginId: 'chat' }),
    ];
    bindings[1]!.covers = { plugins: ['sales'] };
    answer = async () => {
      throw new WaymarkError('VAL_FAILED', 'the configuration in registry.yaml is not valid');
    };
    await raise(makeEvent('event-1', { plugins: ['sales'] }));

    expect(await dispatch()).toBeUndefined();

    expect(await outcomes('event-1')).toEqual(['east.chat failed']);
    expect(logged).toMatchObject([{ binding: 'east.chat' }]);
    expect(await stores.events.unsettled('acme', 10)).toEqual([]);
  });

  it('has more to do where there is more than it takes at once', async () => {
    await raise(...Array.from({ length: 150 }, (_, i) => makeEvent(`event-${1000 + i}`)));

    expect(await dispatch()).toBe(0);
    expect(calls).toHaveLength(100);
    expect(await dispatch()).toBeUndefined();
    expect(calls).toHaveLength(150);
  });

  it('tells again what a run that was given up had begun', async () => {
    answer = async () => {
      stopping.abort(new Error('stopping'));
      throw new Error('the server stops');
    };
    await raise(makeEvent('event-1'));

    await expect(dispatch()).rejects.toThrow('stopping');
    expect(await outcomes('event-1')).toEqual([]);
    stopping = new AbortController();
    answer = async () => ({});
    await dispatch();

    expect(told()).toEqual(['chat event-1', 'chat event-1']);
    expect(await outcomes('event-1')).toEqual(['chat done']);
  });

  it('waits for server parts that are still being read', async () => {
    const all = plugins;
    plugins = [];
    await raise(makeEvent('event-1'));

    const deps = {
      events: stores.events,
      clock: () => nowMs,
      log: { info() {}, warn() {}, error() {} },
    };
    const settled = async () => {
      plugins = all;
    };
    await dispatchEvents({ ...deps, host: { ...host, settled } }, 'acme', stopping.signal);

    expect(told()).toEqual(['chat event-1']);
  });
});

describe('an event', () => {
  const reached = async (event: HookEvent = makeEvent('event-1')) => {
    await raise(event);
    await dispatch();
    return calls.map(({ binding }) => binding!.id);
  };
  const ofNamespace = (covers?: Binding['covers']) =>
    bindingOf('east.chat', { scope: 'namespace', pluginId: 'chat', ...(covers && { covers }) });

  it.each([
    ['a binding that is off', () => [bindingOf('chat', { isEnabled: false })]],
    ['an integration', () => [bindingOf('chat', { scope: 'integration' })]],
    ['a namespace that covers nothing', () => [ofNamespace()]],
    ['a namespace that covers others', () => [ofNamespace({ plugins: ['ops'], environments: [] })]],
    ['a plugin that is not there', () => [bindingOf('gone')]],
  ])('does not reach %s', async (_, those) => {
    bindings = those();

    expect(await reached(makeEvent('event-1', { plugins: ['sales'] }))).toEqual([]);
  });

  it.each([
    ['a plugin', { plugins: ['sales'] }],
    ['an environment', { environments: ['live'] }],
  ])('reaches a namespace that covers %s that it is about', async (_, about) => {
    bindings = [ofNamespace({ plugins: ['sales'], environments: ['live'] })];

    expect(await reached(makeEvent('event-1', about))).toEqual(['east.chat']);
  });

  it.each<[string, Parameters<typeof hostedPlugin>[1], boolean]>([
    ['without the capability', { capabilities: ['release_hook'] }, false],
    ['that names other hooks', { hooks: ['approval.recorded'] }, false],
    ['that names the hook', { hooks: ['approval.created'] }, true],
    ['that names all', { hooks: ['*'] }, true],
    ['that names none', { hooks: [] }, true],
  ])('and a plugin %s', async (_, said, isReached) => {
    plugins = [hostedPlugin('chat', said)];

    expect(await reached()).toEqual(isReached ? ['chat'] : []);
  });

  it('does not reach a plugin that is off for the org', async () => {
    plugins = [{ ...hostedPlugin('chat'), isEnabled: false }];

    expect(await reached()).toEqual([]);
  });
});
