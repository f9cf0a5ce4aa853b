import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { writePlugin } from '../support/plugins.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { yaml } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

interface Integration {
  id: string;
  type: string;
  enabled: boolean;
  config: Record<string, unknown>;
  credentials: Record<string, string>;
  healthStatus: string;
  lastHealthCheck: string | null;
  lastHealthMessage: string | null;
  version: string;
}
interface Tested {
  ok: boolean;
  latencyMs: number;
  checks: { name: string; ok: boolean; message?: string }[];
}
interface Health {
  status: string;
  checkedAt: string | null;
  message: string | null;
  history: { status: string }[];
}
type Data<T> = { data: T };

const TRACKER = `{
  'integration.test': ({ context: { config } }) => {
    if (config.project === 'throws') throw { code: 'BROKEN', message: 'it is broken' };
    return { ok: true, checks: [{ name: 'seen', ok: true, message: JSON.stringify(config) }] };
  },
  'integration.health': ({ context: { config } }) => ({
    status: config.project === 'slow' ? 'degraded' : 'healthy',
  }),
  'integration.discover': ({ resourceType, query = '', page = 1, context: { config } }) => {
    if (config.project === 'away') {
      throw { code: 'AWAY', message: 'the tracker is away', details: { status: 503 } };
    }
    return { resources: [{ id: query + page, name: 'One', type: resourceType }] };
  },
}`;

const tracker = {
  id: 'tracker',
  displayName: 'Tracker',
  category: 'automation',
  capabilities: { integration: true },
  permissions: { secrets: ['token'] },
  integrationTypes: [
    {
      name: 'issues',
      category: 'notify',
      displayName: 'Issues',
      configSchema: {
        type: 'object',
        required: ['project'],
        additionalProperties: false,
        properties: { project: { type: 'string' }, endpoint: { type: 'string' } },
      },
      secretsSchema: {
        type: 'object',
        additionalProperties: false,
        properties: { token: { type: 'string', minLength: 8 } },
      },
      resourceTypes: ['issue'],
      operations: ['issue.close'],
    },
  ],
};
const bare = { id: 'bare', capabilities: { integration: true }, configSchema: { type: 'object' } };

const registryWith = (more = '') => `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools
  plugins: {tracker: {grants: [secrets]}, http: {}}
  ${more}
`;

let pluginsDir: string;
let service: TestService;
let tools: OrgApi;
let near: Receiver;
let far: Receiver;

beforeAll(async () => {
  pluginsDir = await temporaryFolder('waymark-plugins-');
  await writePlugin(pluginsDir, { manifest: tracker, methods: TRACKER });
  await writePlugin(pluginsDir, { manifest: bare });
  await writePlugin(pluginsDir, { manifest: { id: 'broken', capabilities: {} } });
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: pluginsDir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: 'true',
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
  });
  tools = await openOrg(service, {
    files: {
      ...smallRegistry,
      'registry.yaml': registryWith(),
    },
  });
});

afterAll(async () => {
  await tools.close();
  await service.close();
  await rm(pluginsDir, { recursive: true, force: true });
});

let number = 0;
/** The test's own. */
let name: string;

beforeEach(async () => {
  number += 1;
  name = `own-${number}`;
  [near, far] = await Promise.all([openReceiver(), openReceiver()]);
  for (const receiver of [near, far]) receiver.respond = (response) => response.end('{}');
});

afterEach(() => Promise.all([near.close(), far.close()]));

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

function send<T = Data<Integration>>(
  method: Method,
  path: string,
  body?: object,
  { token = tools.admin, headers = {} as Record<string, string> } = {},
): Promise<Answered<T>> {
  const asked = { method, token, headers, ...(body && { body }) };
  return ask<T>(`${service.url}/api/v1${path}`, asked);
}

async function create(spec: object): Promise<Integration> {
  const answer = await send('POST', '/integrations', { name, ...spec });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

const issues = (project = 'healthy', more: object = {}) =>
  create({ type: 'tracker.issues', config: { project }, ...more });

/** One at `near`, with a token. */
const atNear = (credentials: object = { token: 'hunter2hunter2' }) =>
  create({
    type: 'generic.http',
    config: { endpoint: near.url, authMode: 'bearer' },
    credentials,
  });
const atFar = () => ({ endpoint: far.url, authMode: 'bearer' });

const own = () => `/integrations/${name}`;
const show = async () => (await send('GET', own())).body.data;
const test = (body: object = {}) => send<Data<Tested>>('POST', `${own()}/test`, body);
const health = async () => (await send<Data<Health>>('GET', `${own()}/health`)).body.data;
const refusalOf = ({ status, body }: Answered<Refused>) => [status, body.error.code];
const fieldsOf = ({ body }: Answered<Refused>) =>
  (body.error as unknown as { validationErrors: { field: string }[] }).validationErrors.map(
    ({ field }) => field,
  );
const fileAt = (ref = 'main') =>
  runGit(repositoryPath(service.dataDir, tools.org), ['show', `${ref}:integrations/${name}.yaml`]);
const tokensAt = ({ received }: Receiver) => received.map(({ headers }) => headers.authorization);

describe('GET /integration-types', () => {
  it('lists those of built-ins and of plugins, also of what is off', async () => {
    const { body } = await send<Data<object[]>>('GET', '/integration-types?pageSize=100');

    expect(body.data).toContainEqual(
      expect.objectContaining({ id: 'generic.http', isBuiltin: true }),
    );
    expect(body.data).toContainEqual({
      id: 'tracker.issues',
      category: 'notify',
      pluginId: 'tracker',
      displayName: 'Issues',
      configSchema: tracker.integrationTypes[0]!.configSchema,
      secretsSchema: tracker.integrationTypes[0]!.secretsSchema,
      resourceTypes: ['issue'],
      operations: ['issue.close'],
      isBuiltin: false,
    });
  });

  it('gives a configuration schema without a type one of its own', async () => {
    const { body } = await send<Data<object>>('GET', '/integration-types/bare.default');

    expect(body.data).toMatchObject({ pluginId: 'bare', configSchema: { type: 'object' } });
  });

  it('is 404 for one that is nowhere', async () => {
    const answer = await send<Refused>('GET', '/integration-types/scm.nowhere');

    expect(refusalOf(answer)).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('POST /integrations', () => {
  it('writes a document, its secrets apart', async () => {
    const answer = await send('POST', '/integrations', {
      name,
      type: 'tracker.issues',
      config: { project: 'ops' },
      credentials: { token: 'hunter2hunter2' },
    });

    expect(answer.status, answer.text).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1${own()}`);
    expect(await show()).toEqual(answer.body.data);
    expect(answer.body.data).toMatchObject({
      id: name,
      name,
      tenantId: 'tools',
      type: 'tracker.issues',
      pluginId: 'tracker',
      enabled: true,
      config: { project: 'ops' },
      credentials: { token: '***' },
      healthStatus: 'unknown',
      lastHealthCheck: null,
      lastHealthMessage: null,
      path: `integrations/${name}.yaml`,
      updatedBy: expect.stringMatching(/^key:/) as string,
    });
    expect(await fileAt()).toMatch(/kind: Integration\n(.|\n)*token:\s+secretRef: binding\./);
    expect(answer.text + (await fileAt())).not.toContain('hunter2');
    expect((await test()).body.data.checks[0]!.message).toBe(
      '{"project":"ops","token":"hunter2hunter2"}',
    );
  });

  it.each([
    ['a type that is nowhere', { type: 'scm.nowhere' }, 400, 'VAL_FAILED'],
    ['a type whose plugin is off', { type: 'bare.default' }, 422, 'PLG_DISABLED'],
    ['a name that is none', { name: 'Own/It' }, 400, 'VAL_FAILED'],
    ['what its schema refuses', { config: { colour: 'red' } }, 400, 'VAL_FAILED'],
    ['*** where nothing is kept', { credentials: { token: '***' } }, 400, 'VAL_FAILED'],
    ['a credential that is none', { credentials: { pin: '12345678' } }, 400, 'VAL_FAILED'],
    ['one that is too short', { credentials: { token: 'short' } }, 400, 'VAL_FAILED'],
    ['a field that is shown only', { healthStatus: 'healthy' }, 400, 'VAL_FAILED'],
  ])('refuses %s', async (_, spec, status, code) => {
    const body = { name, type: 'tracker.issues', config: { project: 'ops' }, ...spec };

    const answer = await send<Refused>('POST', '/integrations', body);

    expect(refusalOf(answer), answer.text).toEqual([status, code]);
  });

  it.each([
    'https://169.254.169.254/',
    'http://192.168.1.1/',
    'https://[::ffff:10.0.0.1]/',
    'https://ada:secret@example.com/',
    'http://example.invalid/',
  ])('refuses an address that the outbound rule refuses: %s', async (endpoint) => {
    const config = { project: 'ops', endpoint };

    const answer = await send<Refused>('POST', '/integrations', {
      name,
      type: 'tracker.issues',
      config,
    });

    const expected = endpoint.includes('invalid')
      ? [201, undefined]
      : [422, 'INT_ENDPOINT_REFUSED'];
    expect([answer.status, answer.body.error?.code], answer.text).toEqual(expected);
  });

  it('says of which credential nothing is kept', async () => {
    const wanted = { type: 'tracker.issues', config: { project: 'ops' } };

    const answer = await send<Refused>('POST', '/integrations', {
      ...wanted,
      name,
      credentials: { token: '***' },
    });

    expect(answer.body.error.validationErrors).toMatchObject([{ field: '/credentials/token' }]);
  });

  it('refuses a name that is taken', async () => {
    await issues();

    const again = await send<Refused>('POST', '/integrations', {
      name,
      type: 'tracker.issues',
      config: { project: 'ops' },
    });

    expect(refusalOf(again)).toEqual([409, 'RES_DUPLICATE']);
  });

  it('lets only those name a secret of the organisation who may write some', async () => {
    await send('PUT', '/secrets/shared', { value: 'hunter2hunter2' });
    await tools.push({
      'registry.yaml': registryWith("roles: {linker: {permissions: ['integrations:write']}}"),
    });
    const token = await tools.keyOf({ role: 'linker' });
    const body = {
      name,
      type: 'tracker.issues',
      config: { project: 'ops' },
      credentials: { token: { secretRef: 'shared' } },
    };

    const refused = await send<Refused>('POST', '/integrations', body, { token });
    const made = await send('POST', '/integrations', body);

    expect(refusalOf(refused)).toEqual([403, 'PERM_DENIED']);
    expect(made.body.data.credentials).toEqual({ token: '***' });
  });
});

describe('GET /integrations', () => {
  it('is filtered and sorted by what it shows', async () => {
    await issues('filtered');
    const filter = encodeURIComponent(JSON.stringify({ name, type: 'tracker.issues' }));

    const { body } = await send<Data<Integration[]>>('GET', `/integrations?filter=${filter}`);

    expect(body.data).toEqual([await show()]);
  });

  it('is 404 for one that is nowhere', async () => {
    expect(refusalOf(await send<Refused>('GET', '/integrations/nowhere'))).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});

describe('PUT /integrations/:id', () => {
  it('changes what is given: the configuration whole, credentials by name', async () => {
    await issues('ops', { credentials: { token: 'hunter2hunter2' } });

    const off = await send('PUT', own(), { enabled: false });
    const moved = await send('PUT', own(), { enabled: true, config: { project: 'sales' } });

    expect(off.body.data).toMatchObject({ enabled: false, config: { project: 'ops' } });
    expect(moved.body.data).toMatchObject({
      enabled: true,
      config: { project: 'sales' },
      credentials: { token: '***' },
    });
    expect((await test()).body.data.checks[0]!.message).toContain('hunter2hunter2');
  });

  it('switches off one whose plugin cannot be read any more', async () => {
    await tools.push({
      'integrations/orphan.yaml': yaml('Integration', 'type: broken.default'),
    });

    const off = await send('PUT', '/integrations/orphan', { enabled: false });
    const moved = await send<Refused>('PUT', '/integrations/orphan', { config: {} });

    expect([off.status, off.body.data.enabled], off.text).toEqual([200, false]);
    expect(refusalOf(moved)).toEqual([400, 'VAL_FAILED']);
  });

  it('takes back what is fixed, as it was', async () => {
    const { type } = await issues();

    const same = await send('PUT', own(), { name, type, enabled: true });
    const renamed = await send<Refused>('PUT', own(), { name: 'other' });
    const retyped = await send<Refused>('PUT', own(), { type: 'generic.http' });

    expect(same.status, same.text).toBe(200);
    expect([fieldsOf(renamed), fieldsOf(retyped)]).toEqual([['name'], ['type']]);
  });

  it('takes away a credential that is null', async () => {
    await issues('ops', { credentials: { token: 'hunter2hunter2' } });

    const answer = await send('PUT', own(), { credentials: { token: null } });

    expect(answer.body.data.credentials).toEqual({});
    expect(await fileAt()).not.toContain('credentials');
  });

  it('needs the credentials anew for a new origin, and not for a new path', async () => {
    await atNear();

    const elsewhere = await send<Refused>('PUT', own(), { config: atFar() });
    const masked = await send<Refused>('PUT', own(), {
      config: atFar(),
      credentials: { token: '***' },
    });
    const below = await send('PUT', own(), {
      config: { endpoint: `${near.url}/v2`, authMode: 'bearer' },
    });
    const again = await send('PUT', own(), {
      config: atFar(),
      credentials: { token: 'hunter3hunter3' },
    });

    expect(refusalOf(elsewhere)).toEqual([422, 'INT_CREDENTIALS_REQUIRED']);
    expect(refusalOf(masked)).toEqual([422, 'INT_CREDENTIALS_REQUIRED']);
    expect([below.status, again.status]).toEqual([200, 200]);
    await test();
    expect(tokensAt(near)).toEqual([]);
    expect(tokensAt(far)).toEqual(['Bearer hunter3hunter3']);
  });

  it('needs them anew also of a secret of the organisation, and of one that is off', async () => {
    await send('PUT', '/secrets/near-token', { value: 'hunter2hunter2' });
    await atNear({ token: { secretRef: 'near-token' } });

    const on = await send<Refused>('PUT', own(), { config: atFar() });
    const off = await send<Refused>('PUT', own(), { config: atFar(), enabled: false });

    expect([refusalOf(on), refusalOf(off)]).toEqual([
      [422, 'INT_CREDENTIALS_REQUIRED'],
      [422, 'INT_CREDENTIALS_REQUIRED'],
    ]);
  });

  it('refuses what was made of another version', async () => {
    const { version } = await issues();
    const headers = { 'if-match': `"${version}"` };

    const first = await send('PUT', own(), { config: { project: 'one' } }, { headers });
    const second = await send<Refused>('PUT', own(), { config: { project: 'two' } }, { headers });

    expect(first.status).toBe(200);
    expect(refusalOf(second)).toEqual([409, 'RES_VERSION_CONFLICT']);
  });

  it('is 404 for one that is nowhere', async () => {
    const answer = await send<Refused>('PUT', '/integrations/nowhere', { enabled: false });

    expect(refusalOf(answer)).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('DELETE /integrations/:id', () => {
  it('removes the document, its secrets and its history', async () => {
    await issues('healthy', { credentials: { token: 'hunter2hunter2' } });
    await test();
    const written = await fileAt();

    const answer = await send<null>('DELETE', own());

    expect(answer.status).toBe(204);
    expect((await send('GET', own())).status).toBe(404);
    await service.plugins.settled(tools.org);
    await tools.push({ [`integrations/${name}.yaml`]: written });
    expect((await health()).history).toEqual([]);
    expect(refusalOf((await test()) as unknown as Answered<Refused>)).toEqual([
      422,
      'INT_CREDENTIALS_REQUIRED',
    ]);
  });

  it('refuses while something names it', async () => {
    await issues();
    const gates = `[{id: open, type: http, config: {integrationId: ${name}}}]`;
    await tools.push({
      'environments/staging.yaml': yaml('Environment', `orderIndex: 1, gates: ${gates}`),
    });

    const answer = await send<Refused>('DELETE', own());

    expect(refusalOf(answer), answer.text).toEqual([409, 'RES_IN_USE']);
    expect(answer.body.error.details).toEqual({
      dependents: [{ kind: 'Environment', id: 'staging', path: 'environments/staging.yaml' }],
    });
  });
});

describe('POST /integrations/:id/test', () => {
  it('tells what works, and notes it', async () => {
    await atNear();

    const { body } = await test();

    expect(body.data).toEqual({
      ok: true,
      latencyMs: expect.any(Number) as number,
      checks: [{ name: 'endpoint', ok: true, message: 'it answers 200' }],
    });
    expect(tokensAt(near)).toEqual(['Bearer hunter2hunter2']);
    expect(await show()).toMatchObject({
      healthStatus: 'healthy',
      lastHealthCheck: expect.any(String) as string,
    });
  });

  it('tells what does not, also what its plugin fails by', async () => {
    await atNear();
    near.respond = (response) => response.writeHead(503).end();

    const answered = await test();
    await send('DELETE', own());
    await issues('throws');
    const thrown = await test();

    expect(answered.body.data.checks).toMatchObject([{ name: 'endpoint', ok: false }]);
    expect(thrown.body.data).toMatchObject({
      ok: false,
      checks: [{ name: 'plugin', ok: false, message: 'BROKEN: it is broken' }],
    });
    expect(await show()).toMatchObject({
      healthStatus: 'unhealthy',
      lastHealthMessage: 'plugin: BROKEN: it is broken',
    });
  });

  it('tries what is not saved, and notes nothing of that', async () => {
    await atNear();

    const config = { endpoint: near.url, authMode: 'bearer', expectStatus: 204 };
    const { body } = await test({ config, credentials: { token: 'hunter3hunter3' } });

    expect(body.data.ok).toBe(false);
    expect(tokensAt(near)).toEqual(['Bearer hunter3hunter3']);
    expect(await show()).toMatchObject({
      config: { endpoint: near.url, authMode: 'bearer' },
      healthStatus: 'unknown',
    });
  });

  it.each([
    ['kept', { token: 'hunter2hunter2' }],
    ['of the organisation', { token: { secretRef: 'stored' } }],
  ])('sends no stored secret elsewhere: one that is %s', async (_, credentials) => {
    await send('PUT', '/secrets/stored', { value: 'hunter2hunter2' });
    await atNear(credentials);

    const refusals = await Promise.all([
      test({ config: atFar() }),
      test({ config: atFar(), credentials: { token: '***' } }),
      test({ config: { ...atFar(), healthPath: '/x' }, credentials: {} }),
    ]);
    const given = await test({ config: atFar(), credentials: { token: 'hunter3hunter3' } });

    for (const refusal of refusals) {
      expect(refusalOf(refusal as unknown as Answered<Refused>)).toEqual([
        422,
        'INT_CREDENTIALS_REQUIRED',
      ]);
    }
    expect(given.body.data.ok).toBe(true);
    expect(tokensAt(far)).toEqual(['Bearer hunter3hunter3']);
  });

  it('takes no secret by its name, since nothing of it is saved', async () => {
    await atNear();

    const answer = await test({ config: atFar(), credentials: { token: { secretRef: 'stored' } } });

    expect(refusalOf(answer as unknown as Answered<Refused>)).toEqual([400, 'VAL_FAILED']);
    expect(far.received).toEqual([]);
  });

  it('refuses an address that the outbound rule refuses, and a bad configuration', async () => {
    await issues();

    const address = await test({ config: { project: 'ops', endpoint: 'https://10.0.0.1' } });
    const bad = await test({ config: {} });

    expect(refusalOf(address as unknown as Answered<Refused>)).toEqual([
      422,
      'INT_ENDPOINT_REFUSED',
    ]);
    expect(fieldsOf(bad as unknown as Answered<Refused>)).toEqual(['/project']);
  });

  it('is refused of one that is off', async () => {
    await issues('healthy', { enabled: false });

    const answer = (await test()) as unknown as Answered<Refused>;

    expect(refusalOf(answer)).toEqual([409, 'RES_STATE_CONFLICT']);
    expect(answer.body.error.details).toEqual({ current: 'disabled', allowed: ['enabled'] });
  });
});

describe('POST /integrations/:id/discover', () => {
  const discover = <T = Data<{ resources: object[] }>>(body: object) =>
    send<T>('POST', `${own()}/discover`, body);

  it('lists what its plugin finds', async () => {
    await issues();

    const { body } = await discover({ resourceType: 'issue', query: 'open', page: 2 });

    expect(body.data).toEqual({
      resources: [{ id: 'open2', name: 'One', type: 'issue', metadata: {} }],
    });
  });

  it.each([
    ['that the type has not', 'healthy', 'branch', [422, 'INT_CAPABILITY_MISSING']],
    ['that its other side does not give', 'away', 'issue', [422, 'INT_UPSTREAM_FAILED']],
  ])('refuses what %s', async (_, project, resourceType, expected) => {
    await issues(project);

    const answer = await discover<Refused>({ resourceType });

    expect(refusalOf(answer)).toEqual(expected);
    if (project === 'away') {
      expect(answer.body.error).toMatchObject({
        message: 'the tracker is away',
        details: { status: 503, code: 'AWAY' },
      });
    }
  });

  it('is refused of one that is off', async () => {
    await issues('healthy', { enabled: false });

    expect(refusalOf(await discover<Refused>({ resourceType: 'issue' }))).toEqual([
      409,
      'RES_STATE_CONFLICT',
    ]);
  });
});

describe('GET /integrations/:id/health', () => {
  it('is unknown of one that was never asked', async () => {
    await issues();

    expect(await health()).toEqual({
      status: 'unknown',
      checkedAt: null,
      message: null,
      history: [],
    });
  });

  it('is asked for every five minutes', async () => {
    await issues('slow');

    service.advance(6 * 60_000);
    await service.jobs.reconcile();

    await expect.poll(async () => (await health()).status, { timeout: 20_000 }).toBe('degraded');
    expect((await health()).history).toHaveLength(1);
    expect((await show()).healthStatus).toBe('degraded');
  });
});

describe('where people decide about main', () => {
  it('proposes to add, and switches off at once', async () => {
    await issues();
    await tools.push({ 'registry.yaml': registryWith('protection: {changeRequest: true}') });

    const added = await send<Data<{ change: { url: string } }>>('POST', '/integrations', {
      name: `${name}-more`,
      type: 'tracker.issues',
      config: { project: 'ops' },
    });
    const off = await send<Data<{ change: { number: number } }>>('PUT', own(), { enabled: false });
    const on = await send<Refused>('PUT', own(), { enabled: true });

    expect([added.status, off.status]).toEqual([202, 202]);
    expect(refusalOf(on)).toEqual([409, 'RES_STATE_CONFLICT']);
    expect(on.body.error.details).toMatchObject({
      current: 'stopped',
      change: off.body.data.change.number,
    });
    await send('POST', `/change-requests/${off.body.data.change.number}/close`);
    expect((await show()).enabled).toBe(true);
    await send('PUT', own(), { enabled: false });
    expect(added.headers.get('location')).toBe(added.body.data.change.url);
    expect((await show()).enabled).toBe(false);
    expect((await test()).status).toBe(409);
  });
});
