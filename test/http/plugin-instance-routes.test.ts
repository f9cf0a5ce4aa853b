import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { writePlugin } from '../support/plugins.ts';
import { yaml } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

interface Instance {
  id: string;
  pluginId: string;
  scope: string;
  config: Record<string, unknown>;
  enabled: boolean;
  version: string;
}
type Data<T> = { data: T };

const desk = {
  id: 'desk',
  displayName: 'Desk',
  capabilities: { agent_query: true, integration: true },
  permissions: { kv: true },
  configSchema: {
    type: 'object',
    additionalProperties: false,
    properties: { limit: { type: 'integer' }, token: { type: 'string', writeOnly: true } },
  },
};
const METHODS = `{
  'agent.query': () => ({ results: [] }),
  'integration.test': () => ({ ok: true }),
}`;

const registry = `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools
  departments: {sales: {}, legal: {}}
  roles:
    keeper: {permissions: ['plugins:read', 'namespaces:manage', 'namespaces:read']}
    linker: {permissions: ['plugins:read', 'integrations:write']}
  plugins: {desk: {grants: [kv]}, webhooks: {}}
`;

const files = {
  ...smallRegistry,
  'registry.yaml': registry,
  'access/teams/lawyers.yaml': yaml('Team', 'members: [lea], department: legal'),
  'namespaces/deals.yaml': yaml('Namespace', 'department: sales'),
};

let pluginsDir: string;
let service: TestService;
let tools: OrgApi;

beforeAll(async () => {
  pluginsDir = await temporaryFolder('waymark-plugins-');
  await writePlugin(pluginsDir, { manifest: desk, methods: METHODS });
  await writePlugin(pluginsDir, { manifest: { id: 'off' } });
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: pluginsDir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: 'true',
  });
  tools = await openOrg(service, { files });
});

afterAll(async () => {
  await tools.close();
  await service.close();
  await rm(pluginsDir, { recursive: true, force: true });
});

let resets = 0;

/** As at the beginning, whatever the test has made. */
afterEach(async () => {
  resets += 1;
  const made = (await idsFor()).filter((one) => one.startsWith('integration '));
  const gone = made.map((one) => [`integrations/${one.slice('integration '.length)}.yaml`, null]);
  await tools.push({
    'registry.yaml': `${registry}# ${resets}\n`,
    'namespaces/deals.yaml': files['namespaces/deals.yaml'],
    ...Object.fromEntries(gone),
  });
});

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

function send<T = Data<Instance>>(
  method: Method,
  path: string,
  body?: object,
  { token = tools.admin, headers = {} as Record<string, string> } = {},
): Promise<Answered<T>> {
  const url = `${service.url}/api/v1/plugin-instances${path}`;
  return ask<T>(url, { method, token, headers, ...(body && { body }) });
}

async function add(body: object): Promise<Instance> {
  const answer = await send('POST', '', body);
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

const idsFor = async (token = tools.admin) => {
  const { body } = await send<Data<Instance[]>>('GET', '?sort=scope', undefined, { token });
  return body.data.map(({ scope, id }) => `${scope} ${id}`);
};

const inNamespace = { pluginId: 'desk', scope: 'namespace', namespaceId: 'deals' };
const refusalOf = ({ status, body }: Answered<Refused>) => [status, body.error.code];

describe('POST /plugin-instances', () => {
  it('makes an integration where it names no scope', async () => {
    const made = await add({ pluginId: 'desk', name: 'one', config: { limit: 3 } });

    expect(made).toMatchObject({
      id: 'one',
      pluginId: 'desk',
      name: 'one',
      scope: 'integration',
      namespaceId: null,
      type: 'desk.default',
      config: { limit: 3 },
      enabled: true,
      healthStatus: 'unknown',
    });
  });

  it('binds to a namespace, and tells where', async () => {
    const answer = await send('POST', '', { ...inNamespace, config: { token: 'hunter2hunter2' } });

    const at = answer.headers.get('location')!;
    expect(answer.status, answer.text).toBe(201);
    expect(at).toBe('/api/v1/plugin-instances/deals.desk?scope=namespace');
    expect((await send('GET', at.split('/plugin-instances')[1]!)).body).toMatchObject({
      data: answer.body.data,
    });
    expect(answer.body.data).toMatchObject({
      id: 'deals.desk',
      name: 'Desk',
      scope: 'namespace',
      namespaceId: 'deals',
      type: null,
      config: { token: '***' },
    });
  });

  it('names what is missing of a namespace’s', async () => {
    const answer = await send<Refused>('POST', '', { pluginId: 'desk', scope: 'namespace' });

    expect(answer.body.error.validationErrors).toMatchObject([{ field: 'namespaceId' }]);
  });

  it('configures the organisation’s own, once', async () => {
    const made = await add({ pluginId: 'desk', scope: 'org', config: { limit: 3 } });
    const again = await send<Refused>('POST', '', { pluginId: 'desk', scope: 'org', config: {} });

    expect(made).toMatchObject({ id: 'desk', scope: 'org', config: { limit: 3 }, enabled: true });
    expect(refusalOf(again)).toEqual([409, 'RES_DUPLICATE']);
  });

  it.each([
    ['a plugin that is nowhere', { pluginId: 'nobody', name: 'one' }, 404, 'PLG_NOT_FOUND'],
    ['one that is off', { pluginId: 'off', scope: 'org' }, 422, 'PLG_DISABLED'],
    ['an integration without a name', { pluginId: 'desk' }, 400, 'VAL_FAILED'],
    ['one of a plugin without types', { pluginId: 'webhooks', name: 'one' }, 400, 'VAL_FAILED'],
    ['a namespace that is nowhere', { ...inNamespace, namespaceId: 'no' }, 404, 'RES_NOT_FOUND'],
    ['credentials of a namespace', { ...inNamespace, credentials: {} }, 400, 'VAL_FAILED'],
    ['what its schema refuses', { ...inNamespace, config: { limit: 'x' } }, 400, 'VAL_FAILED'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await send<Refused>('POST', '', body);

    expect(refusalOf(answer), answer.text).toEqual([status, code]);
  });

  it.each([
    ['linker', 'integration', 201],
    ['linker', 'namespace', 403],
    ['linker', 'org', 403],
    ['keeper', 'integration', 403],
    ['keeper', 'org', 403],
  ])('lets a %s make one of scope %s: %i', async (role, scope, status) => {
    const token = await tools.keyOf({ role });

    const body = { pluginId: 'desk', name: 'one', namespaceId: 'deals', scope };
    const answer = await send('POST', '', body, { token });

    expect(answer.status, answer.text).toBe(status);
  });
});

describe('GET /plugin-instances', () => {
  it('lists every binding', async () => {
    await add({ pluginId: 'desk', name: 'one' });
    await add(inNamespace);

    expect(await idsFor()).toEqual([
      'integration one',
      'namespace deals.desk',
      'org desk',
      'org webhooks',
    ]);
  });

  it('hides those of another department', async () => {
    await add(inNamespace);
    const token = await tools.keyOf({ user: 'lea' });

    const one = await send<Refused>('GET', '/deals.desk', undefined, { token });

    expect(await idsFor(token)).toEqual(['org desk', 'org webhooks']);
    expect(refusalOf(one)).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('asks which is meant where two have one id', async () => {
    await add({ pluginId: 'desk', name: 'desk', config: { limit: 3 } });

    const either = await send<Refused>('GET', '/desk');
    const own = await send('GET', '/desk?scope=org');

    expect(refusalOf(either)).toEqual([400, 'VAL_FAILED']);
    expect(own.body.data).toMatchObject({ scope: 'org', config: {} });
  });
});

describe('PUT /plugin-instances/:id', () => {
  it.each([
    ['an integration', { pluginId: 'desk', name: 'one' }],
    ['a namespace’s', inNamespace],
    ['the organisation’s', { pluginId: 'desk', scope: 'org' }],
  ])('takes the configuration of %s whole, and keeps what is ***', async (_, made) => {
    const config = { limit: 3, token: 'hunter2hunter2' };
    const { id, version } = await add({ ...made, config });
    const headers = { 'if-match': `"${version}"` };

    const kept = await send('PUT', `/${id}`, { config: { token: '***' } }, { headers });
    const stale = await send<Refused>('PUT', `/${id}`, { config: {} }, { headers });

    expect(kept.body.data.config, kept.text).toEqual({ token: '***' });
    expect(refusalOf(stale)).toEqual([409, 'RES_VERSION_CONFLICT']);
  });

  it('switches the organisation’s off unless something needs it, and not on again', async () => {
    await add(inNamespace);

    const used = await send<Refused>('PUT', '/desk', { enabled: false });
    await send('DELETE', '/deals.desk');
    const off = await send('PUT', '/desk', { enabled: false });
    const on = await send<Refused>('PUT', '/desk', { enabled: true });

    expect(refusalOf(used)).toEqual([409, 'RES_IN_USE']);
    expect([off.status, off.body.data.enabled]).toEqual([200, false]);
    expect(refusalOf(on)).toEqual([409, 'RES_STATE_CONFLICT']);
  });

  it('is 404 for one that is nowhere', async () => {
    expect(refusalOf(await send<Refused>('PUT', '/nowhere', {}))).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('DELETE /plugin-instances/:id', () => {
  it.each([
    ['an integration', { pluginId: 'desk', name: 'one' }],
    ['a namespace’s', inNamespace],
    ['the organisation’s, which is off then', { pluginId: 'desk', scope: 'org' }],
  ])('removes %s', async (_, made) => {
    const { id } = await add(made);

    const answer = await send<null>('DELETE', `/${id}`);

    expect(answer.status).toBe(204);
    expect((await send('GET', `/${id}`)).status).toBe(404);
  });

  it('refuses the organisation’s while something needs it', async () => {
    await add(inNamespace);

    expect(refusalOf(await send<Refused>('DELETE', '/desk'))).toEqual([409, 'RES_IN_USE']);
  });
});
