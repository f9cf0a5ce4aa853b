import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { runGit } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

interface Shown {
  id: string;
  displayName: string;
  description: string | null;
  labels: Record<string, string>;
  version: string;
  commit: string;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
  [field: string]: unknown;
}
type Data<T> = { data: T };

const registry = `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools
  departments: {sales: {}}
  plugins: {http: {}}
`;
const namespace = `apiVersion: waymark/v1
kind: Namespace
metadata: {title: Deals}
spec:
  department: sales
`;
const files = {
  ...smallRegistry,
  'registry.yaml': registry,
  'namespaces/deals.yaml': namespace,
};
const spec = { type: 'generic.http', config: { endpoint: 'https://api.example.invalid' } };

/** A second later at each test's beginning, as git tells times. */
let nowMs = Date.UTC(2026, 5, 1);
let service: TestService;
let tools: OrgApi;
let number = 0;
/** The test's own. */
let name: string;

beforeAll(async () => {
  service = await openService(undefined, {}, { now: () => nowMs });
  tools = await openOrg(service, { files });
});

afterAll(async () => {
  await tools.close();
  await service.close();
});

beforeEach(() => {
  number += 1;
  nowMs += 1000;
  name = `own-${number}`;
});

function send<T = Data<Shown>>(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: object,
  { token = tools.admin, headers = {} as Record<string, string> } = {},
): Promise<Answered<T>> {
  const asked = { method, token, headers, ...(body && { body }) };
  return ask<T>(`${service.url}/api/v1${path}`, asked);
}

async function create(more: object = {}, at = '/integrations'): Promise<Shown> {
  const answer = await send('POST', at, { name, ...spec, ...more });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

const own = () => `/integrations/${name}`;
const show = async (path = own()) => (await send('GET', path)).body.data;
const change = async (body: object) => (await send('PUT', own(), body)).body.data;
const fileOf = () =>
  runGit(repositoryPath(service.dataDir, tools.org), ['show', `main:integrations/${name}.yaml`]);
const now = () => new Date(nowMs).toISOString();
const fieldsOf = ({ status, body }: Answered<Refused>) => {
  const { code, validationErrors = [] } = body.error as Refused['error'] & {
    validationErrors?: { field: string }[];
  };
  return [status, code, [...new Set(validationErrors.map(({ field }) => field))]];
};

const said = {
  displayName: 'The API',
  description: 'What others ask.',
  labels: { 'cost-centre': '4711' },
};
const FIXED = {
  id: 'forge',
  tenantId: 'tools',
  path: 'integrations/forge.yaml',
  commit: '5feceb66ffc86f38d952786c6d696c79c2dbc239',
  version: '1',
  createdAt: '2026-01-01T00:00:00Z',
  createdBy: 'ada',
  updatedAt: '2026-01-01T00:00:00Z',
  updatedBy: 'ada',
  pluginId: 'http',
  healthStatus: 'healthy',
  lastHealthCheck: '2026-01-01T00:00:00Z',
  lastHealthMessage: null,
};

describe('POST /integrations', () => {
  it('keeps what is said of it in the document’s metadata', async () => {
    const made = await create(said);

    expect(made).toMatchObject(said);
    expect(await fileOf()).toContain(
      'metadata:\n  title: The API\n  description: What others ask.\n  labels:\n    cost-centre: "4711"\nspec:\n',
    );
  });

  it('is named by its name where nothing is said', async () => {
    const made = await create();

    expect(made).toMatchObject({ displayName: name, description: null, labels: {} });
    expect(await fileOf()).not.toContain('metadata');
  });

  it('tells who made it, and when', async () => {
    const made = await create();

    expect(made).toMatchObject({ createdAt: now(), updatedAt: now() });
    expect(made.createdBy).toMatch(/^key:/);
    expect(made.updatedBy).toBe(made.createdBy);
  });

  it.each(Object.entries(FIXED))('refuses %s, which is shown only', async (field, value) => {
    const answer = await send<Refused>('POST', '/integrations', { name, ...spec, [field]: value });

    expect(fieldsOf(answer)).toEqual([400, 'VAL_FAILED', [field]]);
  });

  it.each([
    ['displayName', ''],
    ['displayName', 'Two\nlines'],
    ['displayName', 'x'.repeat(201)],
    ['description', 'x'.repeat(4097)],
    ['labels', null],
    ['labels.tier', 1, { tier: 1 }],
  ])('refuses %s that no document may have', async (field, value, labels?: object) => {
    const body = { name, ...spec, ...(labels ? { labels } : { [field]: value }) };

    const answer = await send<Refused>('POST', '/integrations', body);

    expect(fieldsOf(answer)).toEqual([400, 'VAL_FAILED', [field]]);
  });

  it('refuses a label that is no name', async () => {
    const body = { name, ...spec, labels: { 'a b': 'x' } };

    const [status, code, fields] = fieldsOf(await send<Refused>('POST', '/integrations', body));

    expect([status, code]).toEqual([400, 'VAL_FAILED']);
    expect(fields).toContain('labels');
  });
});

describe('PUT /integrations/:id', () => {
  it.each(Object.entries(FIXED))('refuses %s, which is shown only', async (field, value) => {
    await create();

    const answer = await send<Refused>('PUT', own(), { [field]: value });

    expect(fieldsOf(answer)).toEqual([400, 'VAL_FAILED', [field]]);
  });

  it('changes what is said, and what is not named stays', async () => {
    await create(said);

    expect(await change({ description: 'Ours.', labels: { zone: 'a' } })).toMatchObject({
      displayName: 'The API',
      description: 'Ours.',
      labels: { zone: 'a' },
      ...spec,
    });
    expect(await change({ enabled: false })).toMatchObject({ displayName: 'The API' });
  });

  it('takes away what is null', async () => {
    await create(said);

    const bare = await change({ displayName: null, description: null, labels: {} });

    expect(bare).toMatchObject({ displayName: name, description: null, labels: {} });
    expect(await fileOf()).not.toContain('metadata');
  });

  it('keeps the comments of a file that somebody wrote', async () => {
    const text = `# Ask ada first.
apiVersion: waymark/v1
kind: Integration
# What it is.
spec:
  type: generic.http # not ours
  config: {endpoint: https://api.example.invalid}
`;
    await tools.push({ [`integrations/${name}.yaml`]: text });

    await change({ displayName: 'The API' });

    expect(`${await fileOf()}\n`).toBe(
      text.replace('kind: Integration\n', 'kind: Integration\nmetadata:\n  title: The API\n'),
    );
  });

  it('makes no commit of what is as it was', async () => {
    await create(said);
    const { commit } = await show();

    const same = await change({ name, type: spec.type, ...said });

    expect(same.commit).toBe(commit);
  });

  it('gives another version, so that nobody writes over what they have not seen', async () => {
    const { version } = await create();
    const headers = { 'if-match': `"${version}"` };

    const first = await send('PUT', own(), { description: 'One' }, { headers });
    const second = await send<Refused>('PUT', own(), { description: 'Two' }, { headers });

    expect([first.status, second.status]).toEqual([200, 409]);
    expect(first.body.data.version).not.toBe(version);
  });

  it('tells who changed it last, and still who made it', async () => {
    const { createdAt, createdBy } = await create();
    nowMs += 1000;
    const token = await tools.ownKeyOf({ username: `ada-${number}@example.com`, role: 'admin' });

    const { status } = await send('PUT', own(), { description: 'Ours.' }, { token });

    expect(status).toBe(200);
    expect(await show()).toMatchObject({
      createdAt,
      createdBy,
      updatedAt: now(),
      updatedBy: `ada-${number}@example.com`,
    });
  });

  it('leaves alone who changed another', async () => {
    const made = await create();
    nowMs += 1000;
    await send('POST', '/integrations', { name: `${name}-b`, ...spec });

    const { commit, ...rest } = await show();

    expect({ ...rest, commit: made.commit }).toEqual(made);
    expect(commit).not.toBe(made.commit);
  });
});

describe('GET /integrations', () => {
  /** Of the test's own. */
  const idsOf = async (sort: string, filter: object = {}) => {
    const own = JSON.stringify({ name: { $startsWith: name }, ...filter });
    const query = new URLSearchParams({ sort, filter: own });
    const answer = await send<Data<Shown[]>>('GET', `/integrations?${query.toString()}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data.map(({ id }) => id);
  };

  it('is sorted by when one was made, changed, and by its name', async () => {
    const other = `${name}-b`;
    await create();
    nowMs += 1000;
    await create({ name: other });
    nowMs += 1000;
    await change({ description: 'Ours.' });

    expect(await idsOf('-createdAt')).toEqual([other, name]);
    expect(await idsOf('-updatedAt')).toEqual([name, other]);
    expect(await idsOf('-name')).toEqual([other, name]);
  });

  it('is filtered by when, by whom and by the name for people', async () => {
    const { createdAt, createdBy } = await create({ displayName: 'The API' });

    expect(await idsOf('id', { createdAt, createdBy })).toEqual([name]);
    expect(await idsOf('id', { createdAt: { $gt: createdAt } })).toEqual([]);
    expect(await idsOf('id', { displayName: { $contains: 'API' } })).toEqual([name]);
  });
});

describe('/plugin-instances', () => {
  it('shows and takes of an integration what its own routes do', async () => {
    await create({ ...said, pluginId: 'http' }, '/plugin-instances');
    const { body } = await send('PUT', `/plugin-instances/${name}`, { description: 'Ours.' });

    const { credentials: _, lastHealthCheck: __, lastHealthMessage: ___, ...shown } = await show();
    expect(shown).toMatchObject({ ...said, description: 'Ours.' });
    expect(body.data).toEqual({ scope: 'integration', namespaceId: null, ...shown });
  });

  it('names any other by its plugin, and tells who wrote the file that it stands in', async () => {
    const at = '/plugin-instances/deals.webhooks?scope=namespace';
    await tools.push({ 'registry.yaml': registry.replace('http: {}', 'http: {}, webhooks: {}') });
    const made = await send('POST', '/plugin-instances', {
      pluginId: 'webhooks',
      scope: 'namespace',
      namespaceId: 'deals',
      config: { url: 'https://hooks.example.invalid' },
    });

    expect(made.status, made.text).toBe(201);
    expect(await show(at)).toMatchObject({
      id: 'deals.webhooks',
      tenantId: 'tools',
      displayName: made.body.data['name'],
      description: null,
      labels: {},
      path: 'namespaces/deals.yaml',
      updatedAt: now(),
      updatedBy: expect.stringMatching(/^key:/) as string,
    });
    const refused = await send<Refused>('PUT', at, { displayName: 'Ours' });
    expect(fieldsOf(refused)).toEqual([400, 'VAL_FAILED', ['displayName']]);
  });
});
