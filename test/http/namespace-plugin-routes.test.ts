import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { writePlugin } from '../support/plugins.ts';
import { yaml } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

/** What the routes show of a binding. */
interface Bound {
  pluginId: string;
  name: string;
  enabled: boolean;
  config: Record<string, unknown>;
  health: string;
  version: string;
  updatedAt: string;
  updatedBy: string;
}

type Data<T> = { data: T };
type Changed = Data<{ change: { number: number; head: string; url: string } }>;

const DESK = `{
  'config.validate': ({ config: { url = '' } }) => ({
    valid: !url.includes('refused'),
    errors: url.includes('refused') ? [{ field: '/url', message: 'is not ours' }] : [],
  }),
  'agent.query': ({ query, context: { config } }) => ({
    results: [{ type: 'config', title: query, data: { config } }],
  }),
}`;

const desk = {
  id: 'desk',
  displayName: 'Desk',
  capabilities: { agent_query: true },
  permissions: { secrets: ['token'] },
  configSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      url: { type: 'string' },
      limit: { type: 'integer' },
      token: { type: 'string', writeOnly: true },
    },
  },
};

const registryWith = (protection = '') => `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools
  ${protection}
  departments: {sales: {}, emea: {parent: sales}, legal: {}}
  roles:
    binder: {permissions: ['plugins:manage', 'namespaces:read']}
    keeper: {permissions: ['namespaces:manage', 'namespaces:read']}
  plugins:
    desk: {grants: ['secrets:token']}
    shut: {enabled: false}
`;

/** One for each test. */
const NAMESPACES = Array.from({ length: 40 }, (_, i) => `deals-${i}`);
const NAMESPACE = `apiVersion: waymark/v1
kind: Namespace
spec:
  department: emea # in Europe
`;

const files = {
  ...smallRegistry,
  'registry.yaml': registryWith(),
  'access/teams/sellers.yaml': yaml('Team', 'members: [bob], department: sales'),
  'access/teams/lawyers.yaml': yaml('Team', 'members: [lea], department: legal'),
  'namespaces/more.yaml': yaml('Namespace', 'department: legal'),
  ...Object.fromEntries(NAMESPACES.map((name) => [`namespaces/${name}.yaml`, NAMESPACE])),
};

let pluginsDir: string;
let service: TestService;
let tools: OrgApi;
/** Namespaces that no test has used yet. */
let names: string[];

async function openTools(org: string): Promise<void> {
  tools = await openOrg(service, { org, files });
  names = [...NAMESPACES];
}

beforeAll(async () => {
  pluginsDir = await temporaryFolder('waymark-plugins-');
  await writePlugin(pluginsDir, { manifest: desk, methods: DESK });
  await writePlugin(pluginsDir, { manifest: { id: 'shut' } });
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: pluginsDir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: 'true',
  });
  await openTools('tools');
});

afterAll(async () => {
  await tools.close();
  await service.close();
  await rm(pluginsDir, { recursive: true, force: true });
});

/** The test's own, and what is bound there. */
let namespace: string;
let binding: string;

beforeEach(() => {
  namespace = names.shift()!;
  binding = `/namespaces/${namespace}/plugins/desk`;
});

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

function send<T = Data<Bound>>(
  method: Method,
  path: string,
  body?: object,
  { token = tools.admin, headers = {} as Record<string, string> } = {},
): Promise<Answered<T>> {
  const asked = { method, token, headers, ...(body === undefined ? {} : { body }) };
  return ask<T>(`${service.url}/api/v1${path}`, asked);
}

async function bind(config: object): Promise<Bound> {
  const answer = await send('POST', binding, { config });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

/** As the plugin sees it. */
async function configSeen(): Promise<unknown> {
  const { body } = await send<Data<{ results: { data: { config: unknown } }[] }>>(
    'POST',
    `/namespaces/${namespace}/agent-query`,
    { query: 'what' },
  );
  return body.data.results[0]?.data.config;
}

const documentPath = () => `namespaces/${namespace}.yaml`;

const inRepository = (...args: string[]): Promise<string> =>
  runGit(repositoryPath(service.dataDir, tools.org), args);
const fileAt = (path: string, ref = 'main') => inRepository('show', `${ref}:${path}`);

const fieldsOf = ({ body }: Answered<Refused>) =>
  (body.error as unknown as { validationErrors: { field: string }[] }).validationErrors.map(
    ({ field }) => field,
  );

describe('POST /namespaces/:id/plugins/:pluginId', () => {
  it('binds the plugin by a commit, and is active when it answers', async () => {
    const answer = await send('POST', binding, { config: { url: 'https://a.example.com' } });

    expect(answer.status, answer.text).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1${binding}`);
    expect((await send('GET', binding)).body).toMatchObject({ data: answer.body.data });
    expect(answer.body.data).toMatchObject({
      pluginId: 'desk',
      name: 'Desk',
      enabled: true,
      config: { url: 'https://a.example.com' },
      updatedBy: expect.stringMatching(/^key:/) as string,
    });
    expect(await configSeen()).toEqual({ url: 'https://a.example.com' });
  });

  it('keeps the comments of the document', async () => {
    await bind({ limit: 3 });

    expect(await fileAt(documentPath())).toBe(`${NAMESPACE}  plugins:
    desk:
      enabled: true
      config:
        limit: 3`);
  });

  it('keeps secrets out of git and of its answers', async () => {
    const bound = await bind({ token: 'hunter2hunter2' });

    expect(bound.config).toEqual({ token: '***' });
    const written = await fileAt(documentPath());
    expect(written).not.toContain('hunter2');
    expect(written).toMatch(/token:\s+secretRef: binding\./);
    expect(await configSeen()).toEqual({ token: 'hunter2hunter2' });
  });

  it.each([
    ['by its schema', { limit: 'many' }, ['/limit']],
    ['for a field that is not known', { colour: 'red' }, ['/colour']],
    ['by the plugin itself', { url: 'https://refused.example.com' }, ['/url']],
    ['for *** where there is no secret', { token: '***' }, ['/token']],
  ])('refuses a configuration %s', async (_, config, fields) => {
    const answer = await send<Refused>('POST', binding, { config });

    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VAL_FAILED');
    expect(fieldsOf(answer)).toEqual(fields);
    expect(await fileAt(documentPath())).not.toContain('desk');
  });

  it('refuses what is bound already', async () => {
    await bind({});

    const answer = await send<Refused>('POST', binding, {});

    expect([answer.status, answer.body.error.code]).toEqual([409, 'RES_DUPLICATE']);
  });

  it.each([
    ['a plugin that is nowhere', 'deals-0/plugins/nobody', 404, 'PLG_NOT_FOUND'],
    ['a namespace that is nowhere', 'nowhere/plugins/desk', 404, 'RES_NOT_FOUND'],
    ['a plugin that the organisation has off', 'deals-0/plugins/shut', 422, 'PLG_DISABLED'],
  ])('refuses %s', async (_, path, status, code) => {
    const answer = await send<Refused>('POST', `/namespaces/${path}`, {});

    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  it('makes both of two bindings that come at once', async () => {
    const answers = await Promise.all(
      [namespace, 'more'].map((id) => send('POST', `/namespaces/${id}/plugins/desk`, {})),
    );

    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  });
});

describe('who may write', () => {
  it.each(['binder', 'keeper'])('is whoever has one of the permissions: %s', async (role) => {
    const token = await tools.keyOf({ role, user: 'bob' });

    const answer = await send('POST', binding, {}, { token });

    expect(answer.status, answer.text).toBe(201);
  });

  it('is nobody else', async () => {
    const token = await tools.keyOf({ role: 'publisher', user: 'bob' });

    const answer = await send<Refused>('POST', binding, {}, { token });

    expect([answer.status, answer.body.error.code]).toEqual([403, 'PERM_DENIED']);
  });

  it('is, of a department, who is in it or in one above', async () => {
    const [above, sibling] = await Promise.all(
      ['bob', 'lea'].map((user) => tools.keyOf({ role: 'binder', user })),
    );

    const hidden = await send<Refused>('POST', binding, {}, { token: sibling! });
    const seen = await send('POST', binding, {}, { token: above! });

    expect([hidden.status, hidden.body.error.code]).toEqual([404, 'RES_NOT_FOUND']);
    expect(seen.status).toBe(201);
  });
});

describe('a secret of the organisation, named by {secretRef}', () => {
  const token = { secretRef: 'desk-token' };
  const config = { url: 'https://a.example.com', token };

  /** Manages plugins, and no secrets. */
  const asBinder = async () => ({ token: await tools.keyOf({ role: 'binder', user: 'bob' }) });

  beforeEach(async () => {
    expect((await send('PUT', '/secrets/desk-token', { value: 'of the org' })).status).toBe(200);
  });

  it('is bound by whoever may write secrets', async () => {
    await bind(config);

    expect(await configSeen()).toEqual({ ...config, token: 'of the org' });
  });

  it.each([
    ['POST', {}],
    ['PATCH', { limit: 3 }],
  ] as const)('is refused to anybody else by %s', async (method, before) => {
    if (method === 'PATCH') await bind(before);
    const was = await fileAt(documentPath());

    const answer = await send<Refused>(method, binding, { config }, await asBinder());

    expect([answer.status, answer.body.error]).toEqual([
      403,
      expect.objectContaining({
        code: 'PERM_DENIED',
        message: '/token names a secret, which needs the permission secrets:write',
        details: { permission: 'secrets:write' },
      }),
    ]);
    expect(await fileAt(documentPath())).toBe(was);
  });

  it.each([
    ['as ***', '***'],
    ['by its name', token],
  ])('stays with anybody who writes it back %s', async (_, written) => {
    await bind(config);

    const change = { config: { limit: 4, token: written } };
    const answer = await send('PATCH', binding, change, await asBinder());

    expect(answer.status, answer.text).toBe(200);
    expect(await configSeen()).toEqual({ ...config, token: 'of the org', limit: 4 });
  });

  it('is sent elsewhere by nobody else', async () => {
    await bind(config);

    const moved = { config: { url: 'https://b.example.com' } };
    const refused = await send<Refused>('PATCH', binding, moved, await asBinder());
    const made = await send('PATCH', binding, moved);

    expect([refused.status, refused.body.error.code]).toEqual([422, 'INT_CREDENTIALS_REQUIRED']);
    expect(made.status).toBe(200);
  });
});

describe('PATCH /namespaces/:id/plugins/:pluginId', () => {
  it('keeps the other keys, and the secrets', async () => {
    await bind({ url: 'https://a.example.com', token: 'hunter2hunter2', limit: 3 });

    const answer = await send('PATCH', binding, { config: { limit: 4, token: '***' } });

    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.data.config).toEqual({
      url: 'https://a.example.com',
      token: '***',
      limit: 4,
    });
    expect(await configSeen()).toMatchObject({ token: 'hunter2hunter2', limit: 4 });
  });

  it('takes away what is null', async () => {
    await bind({ token: 'hunter2hunter2', limit: 3 });

    const { body } = await send('PATCH', binding, { config: { token: null } });

    expect(body.data.config).toEqual({ limit: 3 });
  });

  it('judges the whole', async () => {
    await bind({ limit: 3 });

    const answer = await send<Refused>('PATCH', binding, { config: { limit: 'many' } });

    expect(answer.status).toBe(400);
    expect(fieldsOf(answer)).toEqual(['/limit']);
  });

  it('sends no secret to a host that it was not given for', async () => {
    await bind({ url: 'https://a.example.com', token: 'hunter2hunter2' });

    const moved = { config: { url: 'https://b.example.com' } };
    const answer = await send<Refused>('PATCH', binding, moved);
    const again = await send('PATCH', binding, {
      config: { ...moved.config, token: 'hunter3hunter3' },
    });

    expect([answer.status, answer.body.error.code]).toEqual([422, 'INT_CREDENTIALS_REQUIRED']);
    expect(again.status).toBe(200);
  });

  it('switches off, and on again', async () => {
    await bind({ limit: 3 });

    const off = await send('PATCH', binding, { enabled: false });
    const unseen = await configSeen();
    const on = await send('PATCH', binding, { enabled: true });

    expect([off.body.data.enabled, on.body.data.enabled]).toEqual([false, true]);
    expect(unseen).toBeUndefined();
    expect(await configSeen()).toEqual({ limit: 3 });
  });

  it('makes no commit of what is so already', async () => {
    await bind({ limit: 3 });
    const before = await inRepository('rev-parse', 'main');

    const answer = await send('PATCH', binding, { config: { limit: 3 } });

    expect(answer.status).toBe(200);
    expect(await inRepository('rev-parse', 'main')).toBe(before);
  });

  it('refuses what was made of another version', async () => {
    const { version } = await bind({ limit: 3 });
    const headers = { 'if-match': `"${version}"` };

    const first = await send('PATCH', binding, { config: { limit: 4 } }, { headers });
    const second = await send<Refused>('PATCH', binding, { config: { limit: 5 } }, { headers });

    expect(first.status).toBe(200);
    expect([second.status, second.body.error.code]).toEqual([409, 'RES_VERSION_CONFLICT']);
  });

  it('is 404 for what is not bound', async () => {
    const answer = await send<Refused>('PATCH', binding, { enabled: false });

    expect([answer.status, answer.body.error.code]).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('is 404 for a plugin that is nowhere', async () => {
    const path = `/namespaces/${namespace}/plugins/nowhere`;

    const answer = await send<Refused>('PATCH', path, { enabled: false });

    expect([answer.status, answer.body.error.code]).toEqual([404, 'PLG_NOT_FOUND']);
  });
});

describe('DELETE /namespaces/:id/plugins/:pluginId', () => {
  it('takes the plugin off, and its secrets with it', async () => {
    await bind({ token: 'hunter2hunter2' });
    const named = await fileAt(documentPath());

    const answer = await send<null>('DELETE', binding);

    expect(answer.status).toBe(204);
    expect(await fileAt(documentPath())).toBe(NAMESPACE.trim());
    await tools.push({ [documentPath()]: named });
    const skipped = await send<Data<{ skipped: object[] }>>(
      'POST',
      `/namespaces/${namespace}/agent-query`,
      { query: 'what' },
    );
    expect(skipped.body.data.skipped).toMatchObject([
      { pluginId: 'desk', reason: 'INT_CREDENTIALS_REQUIRED' },
    ]);
  });

  it('is 404 for what is not bound', async () => {
    expect((await send('DELETE', binding)).status).toBe(404);
  });
});

describe('GET /namespaces/:id/plugins', () => {
  it('lists what is bound, whole', async () => {
    const bound = await bind({ limit: 3 });

    const { body } = await send<Data<Bound[]>>('GET', `/namespaces/${namespace}/plugins`);

    expect(body.data).toEqual([bound]);
  });

  it('is 404 in a sibling department', async () => {
    const token = await tools.keyOf({ user: 'lea' });

    const answer = await send('GET', `/namespaces/${namespace}/plugins`, undefined, { token });

    expect(answer.status).toBe(404);
  });
});

describe('where people decide about main', () => {
  let orgs = 0;

  beforeEach(async () => {
    await tools.close();
    orgs += 1;
    await openTools(`guarded-${orgs}`);
  });

  const protect = () =>
    tools.push({ 'registry.yaml': registryWith('protection: {changeRequest: true}') });

  it('proposes the binding, its secrets apart', async () => {
    await protect();

    const answer = await send<Changed>('POST', binding, { config: { token: 'hunter2hunter2' } });

    expect(answer.status, answer.text).toBe(202);
    const { head, url } = answer.body.data.change;
    expect(answer.headers.get('location')).toBe(url);
    expect(await fileAt(documentPath(), head)).toMatch(/secretRef: binding\./);
    expect((await send('GET', binding)).status).toBe(404);
  });

  it.each([
    ['switching off', 'PATCH', { enabled: false }],
    ['taking off', 'DELETE', undefined],
  ] as const)('acts at once on %s', async (_, method, body) => {
    await bind({ limit: 3 });
    await protect();

    const answer = await send<Changed>(method, binding, body);

    expect(answer.status, answer.text).toBe(202);
    expect((await send('GET', binding)).body.data.enabled).toBe(false);
    expect(await configSeen()).toBeUndefined();
  });

  it('does not lift such a stop before that is decided', async () => {
    await bind({ limit: 3 });
    await protect();
    await send('PATCH', binding, { enabled: false });

    await send('PATCH', binding, { config: { limit: 4 } });

    expect((await send('GET', binding)).body.data.enabled).toBe(false);
  });
});
