import { afterAll, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../src/identity/caller.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { callTool, type ToolCall, toolsOf } from '../../src/plugin-host/call-tool.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { createSchemaChecker } from '../../src/plugin-host/contract/schema-checker.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { type FakePlugin, fakePluginHost } from '../support/fakes/plugin-host.ts';

const schemas = createSchemaChecker();
afterAll(() => schemas.close());

const closing = {
  name: 'ticket.close',
  description: 'Closes a ticket.',
  inputSchema: {
    type: 'object',
    required: ['id'],
    additionalProperties: false,
    properties: { id: { type: 'string' }, reason: { type: 'string', default: 'done' } },
  },
};

const boundTo = (namespace: string, pluginId: string, part: Partial<Binding> = {}): Binding => ({
  ...bareBinding(pluginId),
  scope: 'namespace',
  id: `${namespace}.${pluginId}`,
  namespaceId: namespace,
  ...part,
});

type Does = (params: Record<string, unknown>) => unknown;
const text = (said: string) => ({ content: [{ type: 'text', text: said }] });

/** The plugin `desk`, whose tool closes tickets. */
function open(does: Does = () => text('closed'), more: Partial<FakePlugin> = {}) {
  const desk: FakePlugin = {
    id: 'desk',
    capabilities: ['tools'],
    manifest: { tools: [closing, { name: 'ticket.list' }] },
    methods: { 'tool.call': does },
    ...more,
  };
  const host = fakePluginHost([desk], { bindings: [boundTo('deals', 'desk')] });
  const asked = {
    org: 'acme',
    namespace: 'deals',
    pluginId: 'desk',
    name: 'ticket.close',
    requestId: 'request-1',
    caller: ANONYMOUS,
    arguments: { id: 'T-17' },
  };
  const call = (part: Partial<ToolCall> = {}) =>
    callTool({ plugins: host, schemas }, { ...asked, ...part });
  return { host, call };
}

const thrown = (error: unknown) => () => {
  throw error;
};

describe('toolsOf', () => {
  const tools = ({ host }: ReturnType<typeof open>, namespace = 'deals') =>
    toolsOf(host, { org: 'acme', namespace });

  it('gives those of the namespace’s plugins', () => {
    expect(tools(open())).toEqual([
      { pluginId: 'desk', ...closing },
      { pluginId: 'desk', name: 'ticket.list' },
    ]);
    expect(tools(open(), 'law')).toEqual([]);
  });

  it('gives none of a plugin without the capability', () => {
    expect(tools(open(undefined, { capabilities: ['agent_query'] }))).toEqual([]);
  });
});

describe('callTool', () => {
  it('calls for the namespace’s binding, on behalf of whoever asks', async () => {
    const { host, call } = open();

    expect(await call()).toEqual(text('closed'));
    expect(host.calls).toMatchObject([
      {
        org: 'acme',
        pluginId: 'desk',
        method: 'tool.call',
        requestId: 'request-1',
        binding: { scope: 'namespace', id: 'deals.desk' },
        caller: ANONYMOUS,
        params: { name: 'ticket.close', arguments: { id: 'T-17', reason: 'done' } },
      },
    ]);
  });

  it.each<[string, ToolCall['arguments'], string[]]>([
    ['of another type', { id: 17 }, ['/id']],
    ['that are not known', { id: 'T-17', colour: 'red' }, ['/colour']],
    ['that are not all there', {}, ['/id']],
  ])('refuses arguments %s before the plugin sees them', async (_, args, fields) => {
    const { host, call } = open();

    const refusal = await call({ arguments: args }).catch((error: WaymarkError) => error);

    expect(refusal).toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: fields.map((field) => ({ field, code: 'arguments' })) },
    });
    expect(host.calls).toEqual([]);
  });

  it('takes any object for a tool without a schema', async () => {
    const { host, call } = open();

    await call({ name: 'ticket.list', arguments: { anything: [1] } });

    expect(host.calls[0]?.params).toEqual({ name: 'ticket.list', arguments: { anything: [1] } });
  });

  it.each([
    ['namespace', { namespace: 'law' }, 'RES_NOT_FOUND'],
    ['plugin', { pluginId: 'other' }, 'PLG_NOT_FOUND'],
    ['name', { name: 'ticket.open' }, 'RES_NOT_FOUND'],
  ])('knows no tool of another %s', async (_, part, code) => {
    await expect(open().call(part)).rejects.toMatchObject({ code });
  });

  it('gives the agent to read what the plugin’s author had to say', async () => {
    const fault = { code: 'CLOSED', message: 'T-17 is closed already', httpStatus: 409 };

    const { call } = open(thrown(new PluginFault(fault)));

    expect(await call()).toEqual({ ...text('T-17 is closed already'), isError: true });
  });

  it('tells nothing of what merely went wrong', async () => {
    const { call } = open(thrown(new PluginFault({ code: 'INTERNAL', message: 'at 10.0.0.7' })));

    await expect(call()).rejects.toMatchObject({
      code: 'PLG_HANDLER_ERROR',
      message: 'the tool ticket.close of desk failed',
    });
  });

  it('throws what the host refuses', async () => {
    const { call } = open(thrown(new WaymarkError('PLG_BREAKER_OPEN', 'not now')));

    await expect(call()).rejects.toMatchObject({ code: 'PLG_BREAKER_OPEN' });
  });
});
