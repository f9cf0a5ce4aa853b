import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OrgApi } from '../../support/org-api.ts';
import {
  documentOf,
  type Method,
  openPacked,
  type PackedPlugins,
} from '../../support/packed-plugins.ts';

const patience = { timeout: 40_000 };

/** What a tool answers is what it makes of its binding. */
const desk = {
  manifest: {
    id: 'desk',
    displayName: 'Desk',
    capabilities: { agent_query: true, tools: true, release_hook: true },
    hooks: ['release.published'],
    permissions: { secrets: ['token'], kv: true },
    configSchema: {
      type: 'object',
      additionalProperties: false,
      properties: {
        url: { type: 'string', format: 'uri' },
        name: { type: 'string', pattern: '^(a+)+$' },
        isHeld: { type: 'boolean' },
        limits: { type: 'object', additionalProperties: { type: 'integer' } },
        rows: { type: 'array', uniqueItems: true },
        token: { type: 'string', writeOnly: true },
      },
    },
    tools: [
      { name: 'config', description: 'What it is configured to.' },
      { name: 'remember', inputSchema: { type: 'object', required: ['value'] } },
      { name: 'recall' },
      { name: 'told' },
      { name: 'release' },
    ],
  },
  methods: `{
    'plugin.init': async ({ context: { namespaceId, config } }) => {
      (globalThis.begun ??= []).push(config.url);
      if (config.isHeld) await new Promise((done) => { globalThis.release = done; });
      (globalThis.ready ??= {})[namespaceId] = config.url;
    },
    'hook.handle': ({ event, context: { namespaceId, config } }) => {
      const ready = globalThis.ready[namespaceId];
      (globalThis.heard ??= []).push({ id: event.id, namespaceId, url: config.url, ready });
    },
    'agent.query': ({ query }) => ({
      results: [{ type: 'echo', title: query, data: { pluginId: 'forged' } }],
    }),
    'tool.call': async ({ name, arguments: { value }, context: { config } }) => {
      const tools = {
        config: () => config,
        remember: () => waymark.call('host.kv.set', { key: 'value', value }),
        recall: () => waymark.call('host.kv.get', { key: 'value' }),
        told: () => ({ begun: globalThis.begun, heard: globalThis.heard ?? [] }),
        release: () => void globalThis.release(),
      };
      return { content: [], structuredContent: (await tools[name]()) ?? {} };
    },
  }`,
};

/** Each is asked, and hears of releases. */
const behaving = (id: string, priority: string, does: string) => ({
  priority,
  manifest: {
    id,
    capabilities: { agent_query: true, release_hook: true, tools: true },
    hooks: ['release.published'],
    tools: [{ name: 'heard' }],
  },
  methods: `{
    'hook.handle': ({ event: { namespaceId } }) => {
      globalThis.namespaces = [namespaceId, ...(globalThis.namespaces ?? [])].sort();
      ${does};
    },
    'agent.query': () => { ${does}; return { results: [{ type: 'x', title: '${id}' }] }; },
    'tool.call': () => ({ content: [], structuredContent: { namespaces: globalThis.namespaces } }),
  }`,
});

const troupe = [
  behaving('fine', 'low', ''),
  behaving('better', 'high', ''),
  behaving('throws', 'low', "throw new Error('no')"),
  ...['hangs', 'hangs-too', 'hangs-still'].map((id) =>
    behaving(id, 'low', 'return new Promise(() => {})'),
  ),
  behaving('loops', 'low', 'for (;;);'),
];

let packed: PackedPlugins;
let org: OrgApi;
let turn = 0;
/** The test's own namespace, of the department `emea`. */
let namespace: string;

const spec = (more: object = {}) => ({
  title: 'Tools',
  delivery: { defaultAccess: 'orgWide' },
  departments: { sales: {}, emea: { parent: 'sales' }, legal: {} },
  roles: {
    binder: { permissions: ['plugins:manage', 'namespaces:read'] },
    keeper: { permissions: ['namespaces:manage', 'namespaces:read'] },
    reader: { permissions: ['namespaces:read'] },
    caller: { permissions: ['tools:read', 'tools:write'] },
  },
  plugins: {
    desk: { grants: ['secrets:token', 'kv'] },
    shut: { enabled: false },
    ...Object.fromEntries(
      troupe.map(({ priority, manifest }) => [
        manifest.id,
        { priority: priority === 'high' ? 5 : 0 },
      ]),
    ),
  },
  ...more,
});

const NAMESPACES = Array.from({ length: 30 }, (_, i) => `deals-${i}`);
const emea = documentOf('Namespace', { department: 'emea', covers: { plugins: ['sales'] } });
const files = {
  'access/teams/sellers.yaml': documentOf('Team', { members: ['bob'], department: 'sales' }),
  'access/teams/lawyers.yaml': documentOf('Team', { members: ['lea'], department: 'legal' }),
  ...Object.fromEntries(
    ['watching', ...NAMESPACES].map((name) => [`namespaces/${name}.yaml`, emea]),
  ),
};

beforeAll(async () => {
  packed = await openPacked([desk, { manifest: { id: 'shut' } }, ...troupe]);
  org = await packed.openOrg('tools', spec(), files);
});

afterAll(() => packed?.close());

beforeEach(() => {
  namespace = NAMESPACES[turn]!;
  turn += 1;
});

const send = <T = Record<string, unknown>>(
  method: Method,
  path: string,
  body?: unknown,
  { token = org.admin, at = namespace }: { token?: string | null; at?: string } = {},
) =>
  packed.send<T>(method, `/namespaces/${at}${path}`, {
    token,
    ...(body === undefined ? {} : { body }),
  });

const outcome = async (...asked: Parameters<typeof send>) => {
  const { status, body } = await send(...asked);
  return status < 400 ? status : [status, body.error.code];
};

async function bind(config: object): Promise<void> {
  expect(await outcome('POST', '/plugins/desk', { config })).toBe(201);
}

async function tool(name: string, args: object = {}): Promise<unknown> {
  const path = `/tools/desk/${name}`;
  const answer = await send<{ structuredContent: unknown }>('POST', path, { arguments: args });
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data.structuredContent;
}

/** The release's number among those of this file. */
let releases = 0;

async function publish(): Promise<void> {
  releases += 1;
  await org.publish(`sales@1.0.${releases}`);
}

describe('acceptance 13: namespaces’ plugins', () => {
  it('answers with every status', async () => {
    const config = { url: 'https://a.example.com' };

    expect(await outcome('GET', '/plugins')).toBe(200);
    expect(await outcome('GET', '/plugins/desk')).toEqual([404, 'RES_NOT_FOUND']);
    expect(await outcome('POST', '/plugins/desk', { config: { url: 7 } })).toEqual([
      400,
      'VAL_FAILED',
    ]);
    expect(await outcome('POST', '/plugins/desk', { colour: 'red' })).toEqual([400, 'VAL_FAILED']);
    expect(await outcome('POST', '/plugins/nobody', {})).toEqual([404, 'PLG_NOT_FOUND']);
    expect(await outcome('POST', '/plugins/shut', {})).toEqual([422, 'PLG_DISABLED']);
    expect(await outcome('POST', '/plugins/desk', { config })).toBe(201);
    expect(await outcome('POST', '/plugins/desk', { config })).toEqual([409, 'RES_DUPLICATE']);
    expect(await outcome('GET', '/plugins/desk')).toBe(200);
    expect(await outcome('PATCH', '/plugins/desk', { enabled: false })).toBe(200);
    expect(await outcome('POST', '/tools/desk/config', {})).toEqual([404, 'RES_NOT_FOUND']);
    expect(await outcome('PATCH', '/plugins/desk', { enabled: true })).toBe(200);
    expect(await outcome('GET', '/tools')).toBe(200);
    expect(await outcome('POST', '/tools/desk/remember', {})).toEqual([400, 'VAL_FAILED']);
    expect(await outcome('POST', '/tools/desk/nothing', {})).toEqual([404, 'RES_NOT_FOUND']);
    expect(await outcome('POST', '/tools/desk/config', {})).toBe(200);
    expect(await outcome('POST', '/agent-query', { query: 'é'.repeat(4097) })).toEqual([
      400,
      'VAL_FAILED',
    ]);
    expect(await outcome('POST', '/agent-query', { query: 'é'.repeat(4096) })).toBe(200);
    expect(await outcome('PUT', '/plugins/desk', {})).toEqual([405, 'RES_METHOD']);
    expect(await outcome('DELETE', '/plugins/desk')).toBe(204);
    expect(await outcome('DELETE', '/plugins/desk')).toEqual([404, 'RES_NOT_FOUND']);
    expect(await outcome('PATCH', '/plugins/desk', {})).toEqual([404, 'RES_NOT_FOUND']);
  });

  it.each<[Method, string, object | undefined, string, string]>([
    ['GET', '/plugins', undefined, 'reader', 'caller'],
    ['GET', '/plugins/desk', undefined, 'reader', 'caller'],
    ['POST', '/plugins/desk', {}, 'binder', 'reader'],
    ['POST', '/plugins/desk', {}, 'keeper', 'publisher'],
    ['PATCH', '/plugins/desk', {}, 'binder', 'reader'],
    ['PATCH', '/plugins/desk', {}, 'keeper', 'publisher'],
    ['DELETE', '/plugins/desk', undefined, 'binder', 'reader'],
    ['DELETE', '/plugins/desk', undefined, 'keeper', 'publisher'],
    ['POST', '/agent-query', { query: 'what?' }, 'reader', 'caller'],
    ['GET', '/tools', undefined, 'caller', 'reader'],
    ['POST', '/tools/desk/config', {}, 'caller', 'reader'],
  ])('lets by one permission: %s %s', async (method, path, body, role, other) => {
    if (method !== 'POST' || path !== '/plugins/desk') await bind({});
    const [allowed, refused] = await Promise.all(
      [role, other].map((one) => org.keyOf({ role: one, user: 'bob' })),
    );

    expect(await outcome(method, path, body, { token: null })).toEqual([401, 'AUTH_TOKEN_MISSING']);
    expect(await outcome(method, path, body, { token: refused! })).toEqual([403, 'PERM_DENIED']);
    expect(await outcome(method, path, body, { token: allowed! })).toBeLessThan(300);
  });

  it('hides a namespace from a sibling department, and shows it to the one above', async () => {
    await bind({});
    const [above, sibling] = await Promise.all(
      ['bob', 'lea'].map((user) => org.keyOf({ role: 'editor', user })),
    );
    const binders = await Promise.all(
      ['bob', 'lea'].map((user) => org.keyOf({ role: 'binder', user })),
    );
    const asked: [Method, string, object?][] = [
      ['GET', '/plugins'],
      ['GET', '/plugins/desk'],
      ['POST', '/agent-query', { query: 'what?' }],
      ['GET', '/tools'],
      ['POST', '/tools/desk/config', {}],
    ];
    const writes: [Method, string, object?][] = [
      ['PATCH', '/plugins/desk', { enabled: true }],
      ['DELETE', '/plugins/desk'],
    ];

    for (const [method, path, body] of asked) {
      expect(await outcome(method, path, body, { token: above! })).toBe(200);
      expect(await outcome(method, path, body, { token: sibling! })).toEqual([
        404,
        'RES_NOT_FOUND',
      ]);
    }
    for (const [method, path, body] of writes) {
      expect(await outcome(method, path, body, { token: binders[1]! })).toEqual([
        404,
        'RES_NOT_FOUND',
      ]);
      expect(await outcome(method, path, body, { token: binders[0]! })).toBeLessThan(300);
    }
  });

  it('keeps by PATCH the other keys, at any depth, and the secrets', async () => {
    const url = 'https://a.example.com';
    await bind({ url, token: 'hunter2hunter2', limits: { day: 3, week: 9 } });

    const patch = { config: { limits: { day: 4 }, token: '***' } };
    const answer = await send('PATCH', '/plugins/desk', patch);

    const config = { url, limits: { day: 4, week: 9 } };
    expect(answer.body.data['config']).toEqual({ ...config, token: '***' });
    expect(answer.text).not.toContain('hunter2');
    expect(await tool('config')).toEqual({ ...config, token: 'hunter2hunter2' });
  });

  it('takes with DELETE what the plugin kept, and what it was given', async () => {
    await bind({ token: 'hunter2hunter2' });
    await tool('remember', { value: 'a deal' });
    expect(await tool('recall')).toEqual({ value: 'a deal' });

    expect(await outcome('DELETE', '/plugins/desk')).toBe(204);
    await bind({});

    expect(await tool('recall')).toEqual({ value: null });
    expect(await tool('config')).toEqual({});
    expect(await outcome('PATCH', '/plugins/desk', { config: { token: '***' } })).toEqual([
      400,
      'VAL_FAILED',
    ]);
  });

  it('names in results the plugin itself, whatever that says', async () => {
    await bind({});

    const { body } = await send<{ results: object[] }>('POST', '/agent-query', { query: 'what?' });

    expect(body.data.results).toMatchObject([{ pluginId: 'desk', title: 'what?' }]);
  });

  it('proposes where people decide about main', async () => {
    const guarded = await packed.openOrg('guarded', spec({ protection: { changeRequest: true } }), {
      ...files,
      'namespaces/bound.yaml': emea,
    });
    const { admin: token } = guarded;

    const answer = await send<{ change: { url: string } }>('POST', '/plugins/desk', {}, { token });

    expect(answer.status, answer.text).toBe(202);
    const change = await packed.send('GET', answer.body.data.change.url.slice('/api/v1'.length), {
      token,
    });
    expect(change.body.data).toMatchObject({ status: 'open' });
    expect(await outcome('GET', '/plugins/desk', undefined, { token })).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});

describe('acceptance 14: what a binding is changed to', () => {
  interface Told {
    begun: string[];
    heard: { namespaceId: string; url: string; ready: string }[];
  }
  const old = 'https://old.example.com';
  const next = 'https://next.example.com';
  /** Of the same guest, which the init of another binding does not hold up. */
  const watching = 'watching';

  beforeAll(async () => {
    const config = { url: 'https://watching.example.com' };
    expect(await outcome('POST', '/plugins/desk', { config }, { at: watching })).toBe(201);
  });

  async function watch<T>(name: string): Promise<T> {
    const path = `/tools/desk/${name}`;
    const { body } = await send<{ structuredContent: T }>('POST', path, {}, { at: watching });
    return body.data.structuredContent;
  }
  const told = () => watch<Told>('told');

  /** What the test's own binding was called with, and had been initialised with. */
  const heard = async () =>
    (await told()).heard
      .filter(({ namespaceId }) => namespaceId === namespace)
      .map(({ url, ready }) => [url, ready]);

  it('counts for the next hook', async () => {
    await bind({ url: old });
    await publish();
    await expect.poll(heard, patience).toEqual([[old, old]]);

    expect(await outcome('PATCH', '/plugins/desk', { config: { url: next } })).toBe(200);
    await publish();

    await expect.poll(heard, patience).toEqual([
      [old, old],
      [next, next],
    ]);
  });

  it('counts for the next hook during a slow init', async () => {
    const slow = 'https://slow.example.com';
    await bind({ url: slow, isHeld: true });
    await publish();
    await expect.poll(async () => (await told()).begun, patience).toContain(slow);

    const change = { config: { url: next, isHeld: null } };
    expect(await outcome('PATCH', '/plugins/desk', change)).toBe(200);
    await watch('release');

    // The call had begun to wait before.
    await expect.poll(heard, patience).toEqual([[next, next]]);
    expect(await tool('config')).toEqual({ url: next });
  });

  it('is not undone by a slow init that ends last', async () => {
    const slow = 'https://slower.example.com';
    await bind({ url: slow, isHeld: true });
    const waiting = tool('config');
    await expect.poll(async () => (await told()).begun, patience).toContain(slow);

    const change = { config: { url: next, isHeld: null } };
    expect(await outcome('PATCH', '/plugins/desk', change)).toBe(200);
    const asked = tool('config');
    await watch('release');

    expect(await Promise.all([waiting, asked])).toEqual([{ url: next }, { url: next }]);
    await publish();
    await expect.poll(heard, patience).toEqual([[next, next]]);
  });
});

describe('acceptance 15: a hook that throws, hangs or loops', () => {
  const ids = troupe.map(({ manifest }) => manifest.id);

  /** An org of its own: each fault counts for the breakers. */
  async function openTroupe(name: string): Promise<OrgApi> {
    const plugins = Object.fromEntries(ids.map((id) => [id, {}]));
    const bound = { department: 'emea', covers: { plugins: ['sales'] }, plugins };
    const document = documentOf('Namespace', bound);
    return await packed.openOrg(name, spec(), { 'namespaces/stage.yaml': document });
  }

  it('harms neither its cause nor other hooks', async () => {
    const stage = await openTroupe('hooked');

    await stage.publish('sales@1.0.0');

    for (const id of ['fine', 'better', 'throws']) {
      const heard = async () => {
        const path = `/tools/${id}/heard`;
        const asked = { token: stage.admin, at: 'stage' };
        const { body } = await send<{ structuredContent: object }>('POST', path, {}, asked);
        return body.data.structuredContent;
      };
      await expect.poll(heard, patience).toEqual({ namespaces: [null, 'stage'] });
    }
  });

  it('is skipped by agent-query', async () => {
    interface Answer {
      results: { pluginId: string }[];
      skipped: { pluginId: string; reason: string }[];
      durationMs: number;
    }
    const { admin: token } = await openTroupe('asked');

    const asked = { token, at: 'stage' };
    const { body } = await send<Answer>('POST', '/agent-query', { query: 'what?' }, asked);

    const { results, skipped, durationMs } = body.data;
    expect(results.map(({ pluginId }) => pluginId)).toEqual(['better', 'fine']);
    expect(skipped.map(({ pluginId, reason }) => [pluginId, reason])).toEqual([
      ['hangs', 'PLG_TIMEOUT'],
      ['hangs-still', 'PLG_TIMEOUT'],
      ['hangs-too', 'PLG_TIMEOUT'],
      ['loops', 'PLG_TIMEOUT'],
      ['throws', 'PLG_HANDLER_ERROR'],
    ]);
    // At once: one after the other they would take three times five seconds.
    expect(durationMs).toBeLessThan(15_000);
  });
});

describe('acceptance 23: what one organisation does to others', () => {
  it('is no delay by a pattern that backtracks', async () => {
    const name = `${'a'.repeat(100_000)}!`;

    const asked = Array.from({ length: 8 }, () =>
      send('POST', '/plugins/desk', { config: { name } }),
    );
    const others = Array.from({ length: 20 }, () => outcome('GET', '/plugins'));

    expect(new Set(await Promise.all(others))).toEqual(new Set([200]));
    for (const { status, body } of await Promise.all(asked)) {
      expect([status, body.error.validationErrors?.[0]?.field]).toEqual([400, '/name']);
    }
  });

  it('is no delay by a check that takes too long', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => ({ i }));
    let isChecked = false;

    const asked = send('POST', '/plugins/desk', { config: { rows } }).finally(() => {
      isChecked = true;
    });
    const first = await outcome('GET', '/plugins');

    expect([first, isChecked]).toEqual([200, false]);
    const { status, body } = await asked;
    expect([status, body.error.code]).toEqual([422, 'PLG_SCHEMA_TIMEOUT']);
  });

  it('is nothing of which another knows the ids', async () => {
    await bind({ url: 'https://a.example.com' });
    const other = await packed.openOrg('others', spec());
    const token = other.admin;

    for (const [method, path, body] of [
      ['GET', '/plugins'],
      ['GET', '/plugins/desk'],
      ['POST', '/plugins/desk', {}],
      ['PATCH', '/plugins/desk', {}],
      ['DELETE', '/plugins/desk'],
      ['POST', '/agent-query', { query: 'what?' }],
      ['GET', '/tools'],
      ['POST', '/tools/desk/config', {}],
    ] as [Method, string, object?][]) {
      expect(await outcome(method, path, body, { token })).toEqual([404, 'RES_NOT_FOUND']);
    }
    expect(await tool('config')).toEqual({ url: 'https://a.example.com' });
  });
});
