import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrgApi } from '../../support/org-api.ts';
import { documentOf, openPacked, type PackedPlugins } from '../../support/packed-plugins.ts';

/** Tells its callback ids, and asks the host by whichever it is given. */
const asking = (id: string) => ({
  manifest: {
    id,
    capabilities: { tools: true, management_api: true },
    permissions: { kv: true, read: ['plugins', 'integrations'] },
    tools: ['seen', 'own', 'hold', 'held', 'release', 'use', 'linger', 'late'].map((name) => ({
      name,
    })),
  },
  methods: `{
    'management.register': async () => {
      const read = (resource) => waymark.call('host.read', { resource });
      globalThis.seen = {
        plugins: await read('plugins'),
        integrations: await read('integrations'),
      };
      return {};
    },
    'tool.call': async ({ name, arguments: { callbackId }, host_callback_id: own }) => {
      const ask = (host_callback_id) =>
        waymark.call('host.kv.set', { host_callback_id, key: 'a', value: own }).then(
          () => ({ code: null }),
          ({ code, message }) => ({ code, message }),
        );
      const tools = {
        seen: () => globalThis.seen,
        own: async () => ({ callbackId: own, ...(await ask(own)) }),
        hold: () => new Promise((resolve) => {
          globalThis.held = { callbackId: own, release: () => resolve({}) };
        }),
        held: () => ({ callbackId: globalThis.held?.callbackId ?? null }),
        release: () => { globalThis.held.release(); return {}; },
        use: () => ask(callbackId),
        linger: () => {
          globalThis.late = new Promise((resolve) => setTimeout(() => resolve(ask(own)), 0));
          return {};
        },
        late: () => globalThis.late,
      };
      return { content: [], structuredContent: await tools[name]() };
    },
  }`,
});

interface Told {
  callbackId: string;
  code: string | null;
  message: string;
}

const refused = {
  code: 'PLG_CALLBACK_REFUSED',
  message: 'host_callback_id names no call under way of this plugin',
};

let packed: PackedPlugins;
let orgs: Record<'acme' | 'globex', OrgApi>;

async function openOrg(name: string): Promise<OrgApi> {
  const grants = ['kv', 'read'];
  const plugins = { one: { grants }, two: { grants } };
  const desk = documentOf('Namespace', { department: 'field', plugins: { one: {}, two: {} } });
  const status = documentOf('Integration', {
    type: 'generic.http',
    config: { endpoint: 'https://status.example.com', authMode: 'bearer' },
    credentials: { token: { secretRef: 'hidden-token' } },
  });
  const files = {
    'namespaces/desk.yaml': desk,
    'namespaces/other.yaml': desk,
    'integrations/status.yaml': status,
  };
  return await packed.openOrg(name, { departments: { field: {} }, plugins }, files);
}

beforeAll(async () => {
  packed = await openPacked([asking('one'), asking('two')]);
  orgs = { acme: await openOrg('acme'), globex: await openOrg('globex') };
});

afterAll(() => packed?.close());

interface Where {
  org?: keyof typeof orgs;
  plugin?: 'one' | 'two';
  namespace?: string;
}

async function tool(
  name: string,
  args: object = {},
  { org = 'acme', plugin = 'one', namespace = 'desk' }: Where = {},
): Promise<Told> {
  const { status, body, text } = await packed.send<{ structuredContent: Told }>(
    'POST',
    `/namespaces/${namespace}/tools/${plugin}/${name}`,
    { token: orgs[org].admin, body: { arguments: args } },
  );
  expect(status, text).toBe(200);
  return body.data.structuredContent;
}

describe('acceptance 9: a callback', () => {
  it('is answered during its call', async () => {
    expect(await tool('own')).toMatchObject({ code: null });
  });

  it('is refused after its call', async () => {
    const { callbackId } = await tool('own');

    expect(await tool('use', { callbackId })).toEqual(refused);
  });

  it('is refused to what a call has left running', async () => {
    await tool('linger');

    expect(await tool('late')).toEqual(refused);
  });

  it.each<[string, Where]>([
    ['plugin', { plugin: 'two' }],
    ['organisation', { org: 'globex' }],
  ])('is refused by the id of a call of another %s', async (_, elsewhere) => {
    const holding = tool('hold');
    const held = async () => (await tool('held')).callbackId;
    await expect.poll(held, { timeout: 40_000 }).not.toBeNull();
    const callbackId = await held();

    const answers = [
      await tool('use', { callbackId }, elsewhere),
      await tool('use', { callbackId }),
    ];

    await tool('release');
    await holding;
    expect(answers).toEqual([refused, { code: null }]);
  });

  it.each([['made-up'], [7], [['a']], [{}], ['']])(
    'is refused by an id that never was: %j',
    async (callbackId) => {
      expect(await tool('use', { callbackId })).toEqual(refused);
    },
  );
});

describe('host.read', () => {
  interface Read {
    plugins: { items: { id: string }[] };
    integrations: { items: { id: string; credentials: object }[] };
  }
  let read: Read;

  beforeAll(async () => {
    read = (await tool('seen')) as unknown as Read;
  });

  it('gives plugins, and waits for none that is loaded: it may be the one that reads', () => {
    const ids = read.plugins.items.map(({ id }) => id);

    expect(ids).toEqual(expect.arrayContaining(['one', 'two']));
  });

  it('gives integrations without their secrets', () => {
    expect(read.integrations.items).toMatchObject([
      { id: 'status', credentials: { token: '***' } },
    ]);
    expect(JSON.stringify(read)).not.toContain('hidden-token');
  });
});
