import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { definitionOf } from '../../src/plugin-sdk/define-plugin.ts';
import {
  type ApiRequest,
  definePlugin,
  type IntegrationPlugin,
  PluginCapability,
} from '../../src/plugin-sdk/plugin.ts';
import { call, context, standInHost } from './host.ts';

const { asked } = standInHost();

const approvalCreated = {
  id: 'event-1',
  type: 'approval.created',
  timestamp: '2026-01-01T00:00:00Z',
  orgId: 'acme',
  namespaceId: null,
  departmentId: null,
  data: { approvalId: 'approval-7', requestedBy: 'ada', id: 'no event id' },
};

const request = (more: Partial<ApiRequest> = {}): ApiRequest => ({
  Method: 'GET',
  Path: '/api/v1/plugin/example/items/7',
  Endpoint: 'items/[id]',
  Params: { id: '7' },
  Headers: {},
  Query: {},
  Body: '',
  Principal: {
    id: 'ada',
    type: 'user',
    roles: ['admin'],
    permissions: [],
    scopes: [],
    departmentIds: [],
  },
  host_callback_id: 'call-1',
  context: context(),
  ...more,
});

describe('definePlugin', () => {
  it('makes one method table of an integration object, of a route tree and of raw handlers', async () => {
    const integration = definePlugin({
      id: 'example',
      name: 'Example',
      category: 'automation',
      capabilities: [PluginCapability.ApprovalHook, PluginCapability.AgentQuery],
      onApprovalCreated: (event, ctx) => ctx.logger.info(event.approvalId),
      onAgentQuery: async (query) => [{ type: 'note', title: query }],
    });
    const routes = definePlugin({
      routes: { 'items/[id]': { GET: (_, { params }) => Response.json({ id: params.id }) } },
    });
    const raw = definePlugin({
      'hook.handle': ({ event, context: { host_callback_id } }) => {
        const line = { level: 'info', message: event.data['approvalId'], fields: {} };
        Object.assign(globalThis).waymark.call('host.log', { ...line, host_callback_id });
        return {};
      },
      'agent.query': ({ query }) => ({ results: [{ type: 'note', title: query }] }),
      'api.handle': ({ Params }) => ({
        StatusCode: 200,
        Headers: { 'content-type': ['application/json'] },
        Body: btoa(JSON.stringify({ id: Params['id'] })),
      }),
    });

    const styled = { ...integration, ...routes };
    const answersOf = async (table: typeof raw) => [
      await table['hook.handle']?.({ event: approvalCreated, context: context() }, call),
      await table['agent.query']?.({ query: 'who?', context: context() }, call),
      await table['api.handle']?.(request(), call),
      asked.splice(0),
    ];
    expect(Object.keys(styled).sort()).toEqual(Object.keys(raw).sort());
    expect(await answersOf(styled)).toEqual(await answersOf(raw));
  });

  it('lets the rawer style win where two say what a method does', async () => {
    const table = definePlugin({
      onAgentQuery: async () => [],
      'agent.query': () => ({ results: [{ type: 'note', title: 'raw' }] }),
    });

    expect(await table['agent.query']?.({ query: '', context: context() }, call)).toEqual({
      results: [{ type: 'note', title: 'raw' }],
    });
  });

  it('remembers what a table was made of', () => {
    const definition = { id: 'example', onAgentQuery: async () => [] };

    expect(definitionOf(definePlugin(definition))).toBe(definition);
  });

  it('infers the configuration from a zod schema, and has its defaults and conversions', async () => {
    const seen: unknown[] = [];
    const table = definePlugin({
      configSchema: z.object({ url: z.url(), tries: z.number().default(3) }),
      init(ctx) {
        const tries: number = ctx.config.tries;
        // @ts-expect-error it has no such field
        seen.push(tries, ctx.config.retries);
      },
    });

    await table['plugin.init']?.(
      { context: context({ config: { url: 'https://a.example' } }) },
      call,
    );
    expect(seen).toEqual([3, undefined]);
  });

  it('takes the type of a configuration whose schema is JSON', async () => {
    const seen: string[] = [];
    const table = definePlugin<{ url: string }>({
      configSchema: { type: 'object', properties: { url: { type: 'string' } } },
      init: (ctx) => seen.push(ctx.config.url),
    });

    await table['plugin.init']?.({ context: context({ config: { url: 'u' } }) }, call);
    expect(seen).toEqual(['u']);
  });

  it('takes an object that says it is an IntegrationPlugin', async () => {
    const schema = z.object({ url: z.string() });
    const plugin: IntegrationPlugin<z.infer<typeof schema>> = {
      id: 'example',
      name: 'Example',
      category: 'automation',
      configSchema: schema,
      capabilities: [PluginCapability.ApprovalHook],
      async onApprovalCreated(event, { config, http }) {
        await http.post(config.url, { approvalId: event.approvalId });
      },
    };

    await definePlugin(plugin)['hook.handle']?.(
      { event: approvalCreated, context: context({ config: { url: 'https://a.example' } }) },
      call,
    );
    expect(asked).toEqual([
      [
        'host.http.do',
        {
          method: 'POST',
          url: 'https://a.example',
          headers: { 'content-type': 'application/json' },
          body: btoa('{"approvalId":"approval-7"}'),
          host_callback_id: 'call-1',
        },
      ],
    ]);
  });
});

describe('config.validate', () => {
  const table = definePlugin({
    configSchema: z
      .object({ from: z.number(), to: z.number(), 'a/b': z.string().startsWith('whsec_') })
      .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after from' }),
  });
  const validate = (config: object) =>
    table['config.validate']?.({ config: { ...config }, scope: 'org' }, call);

  it('says what zod says beyond its JSON Schema, by JSON pointer', async () => {
    expect(await validate({ from: 2, to: 1, 'a/b': 'whsec_x' })).toEqual({
      valid: false,
      errors: [{ field: '/to', message: 'must be after from' }],
    });
    expect(await validate({ from: 1, to: 2, 'a/b': 'x' })).toMatchObject({
      errors: [{ field: '/a~1b' }],
    });
  });

  it('does not judge a secret that it was not granted', async () => {
    expect(await validate({ from: 1, to: 2, 'a/b': 'secret:a/b' })).toEqual({
      valid: true,
      errors: [],
    });
  });

  it('judges an integration by the schema of its type', async () => {
    const page = z.object({ from: z.number().max(3) });
    const integrations = [
      { name: 'page', category: 'notify', displayName: 'Page', configSchema: page },
    ] as const;
    const check = definePlugin({ integrations })['config.validate'];
    const config = { from: 7 };

    expect(await check?.({ config, scope: 'integration', type: 'example.page' }, call)).toEqual({
      valid: false,
      errors: [{ field: '/from', message: expect.any(String) }],
    });
    expect(await check?.({ config, scope: 'org' }, call)).toMatchObject({ valid: true });
  });

  it('is left to the host where the schema is JSON', () => {
    expect(definePlugin({ configSchema: { type: 'object' } })).toEqual({});
  });
});

describe('hook.handle', () => {
  const heard: [string, unknown, string][] = [];
  const table = definePlugin({
    onApprovalCreated: (event) => heard.push(['approval', event.approvalId, event.id]),
    onEvent: (event) => heard.push(['other', event.data, event.type]),
  });

  it('spreads the data on the event, but for the event’s own fields', async () => {
    await table['hook.handle']?.({ event: approvalCreated, context: context() }, call);

    expect(heard.splice(0)).toEqual([['approval', 'approval-7', 'event-1']]);
  });

  it('gives onEvent what has no handler of its own', async () => {
    const event = { ...approvalCreated, type: 'document.ready', data: { documentId: 'd' } };

    await table['hook.handle']?.({ event, context: context() }, call);

    expect(heard.splice(0)).toEqual([['other', { documentId: 'd' }, 'document.ready']]);
  });
});

describe('tool.call', () => {
  const table = definePlugin({
    tools: [
      { name: 'text', call: () => 'plain' },
      { name: 'object', call: ({ a }: { a: number }) => ({ sum: a + 1 }) },
      { name: 'list', call: async () => [1] },
      { name: 'own', call: () => ({ content: [], isError: true }) },
    ],
  });
  const run = (name: string) =>
    table['tool.call']?.({ name, arguments: { a: 1 }, context: context() }, call);

  it('makes content of whatever a tool answers', async () => {
    expect(await run('text')).toEqual({ content: [{ type: 'text', text: 'plain' }] });
    expect(await run('object')).toEqual({
      content: [{ type: 'text', text: '{"sum":2}' }],
      structuredContent: { sum: 2 },
    });
    expect(await run('list')).toEqual({ content: [{ type: 'text', text: '[1]' }] });
    expect(await run('own')).toEqual({ content: [], isError: true });
  });

  it('says that there is no such tool', async () => {
    await expect(run('other')).rejects.toMatchObject({ code: 'NOT_FOUND', http_status: 404 });
  });
});

describe('integration.*', () => {
  const table = definePlugin({
    integrations: [
      {
        name: 'monitor',
        category: 'automation',
        displayName: 'Monitor',
        test: async () => ({ ok: true, checks: [] }),
        discover: async ({ resourceType, query }) => ({
          resources: [{ id: '1', name: query ?? '', type: resourceType }],
        }),
        operations: { pause: async ({ id }) => ({ paused: id }) },
      },
    ],
  });
  const integration = { id: 'mine', type: 'example.monitor' };
  const common = { integration, context: context() };

  it('reaches the type that the host names', async () => {
    expect(await table['integration.test']?.(common, call)).toEqual({ ok: true, checks: [] });
    expect(
      await table['integration.discover']?.({ ...common, resourceType: 'page', query: 'a' }, call),
    ).toEqual({ resources: [{ id: '1', name: 'a', type: 'page' }] });
    expect(
      await table['integration.call']?.({ ...common, operation: 'pause', params: { id: 4 } }, call),
    ).toEqual({ paused: 4 });
  });

  it('gives a type what its own schema makes of the configuration', async () => {
    const own = definePlugin<{ size: number }>({
      configSchema: z.object({ size: z.number().default(1) }),
      integrations: [
        {
          name: 'monitor',
          category: 'automation',
          displayName: 'Monitor',
          configSchema: z.object({ size: z.string().transform(Number) }),
          operations: { size: async (_, ctx) => ctx.config.size },
        },
      ],
    });
    const params = { integration, context: context({ config: { size: '7' } }) };

    const answer = own['integration.call']?.({ ...params, operation: 'size', params: {} }, call);

    expect(await answer).toBe(7);
  });

  it('says what a type cannot do', async () => {
    await expect(table['integration.health']?.(common, call)).rejects.toMatchObject({
      code: 'INT_CAPABILITY_MISSING',
    });
    await expect(
      table['integration.call']?.({ ...common, operation: 'resume', params: {} }, call),
    ).rejects.toMatchObject({ code: 'INT_CAPABILITY_MISSING' });
  });
});
