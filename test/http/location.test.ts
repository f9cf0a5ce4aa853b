import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/app.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { routeTables } from '../support/route-table.ts';
import { openService, type TestService } from '../support/service.ts';

const PASSWORD = 'correct horse battery';
const readme = (content: string) => [
  { op: 'upsert', path: 'plugins/sales/README.md', content: `${content}\n` },
];

let service: TestService;
let tools: OrgApi;
let owner: string;
let head: string;
let person: string;

beforeAll(async () => {
  service = await openService();
  tools = await openOrg(service);
  owner = await tools.keyOf({ role: 'owner' });
  await tools.publish('sales@1.0.0');
  head = await tools.push({ 'docs/day.md': 'One.\n' });
  person = (await tools.post<{ id: string }>('/users', { username: 'ada', password: PASSWORD })).id;
});

afterAll(async () => {
  await tools.close();
  await service.close();
});

/** A row that makes something, by what it is sent. */
const MADE_BY: Readonly<Record<string, () => Promise<Sent> | Sent>> = {
  'post /api/v1/orgs': () => ({ body: { slug: 'more' }, isOfSite: true }),
  'post /api/v1/users': () => ({ body: { username: 'lin' }, isOfSite: true }),
  'put /api/v1/members/:userId': () => ({ id: person, body: { roles: ['viewer'] } }),
  'post /api/v1/api-keys': () => ({ body: { name: 'ci', roles: ['viewer'] } }),
  'post /api/v1/feed-tokens': () => ({ body: { name: 'screen', selector: {} } }),
  'post /api/v1/audit/checkpoints': () => ({}),
  'post /api/v1/components/:plugin/versions': () => ({ id: 'ops', body: { version: '2.0.0' } }),
  'post /api/v1/releases': () => ({
    body: { name: 'spring', components: [{ componentId: 'sales', version: '1.0.0' }] },
  }),
  'post /api/v1/changes': () => ({ body: { base: head, message: 'Two', operations: readme('2') } }),
  'post /api/v1/change-requests': () => ({
    body: { title: 'Three', base: head, operations: readme('3') },
  }),
  'post /api/v1/change-requests/:number/reviews': async () => {
    const proposal = { title: 'Four', base: head, operations: readme('4') };
    const asked = { token: owner, body: proposal };
    const { body } = await ask<{ data: { number: number; head: string } }>(
      `${service.url}/api/v1/change-requests`,
      asked,
    );
    const { number, head: looked } = body.data;
    return { id: String(number), body: { verdict: 'commented', body: 'Hm.', head: looked } };
  },
  'post /api/v1/keys/rotate': () => ({ body: { roles: ['release'] } }),
  'post /v1/orgs/:orgId/delivery/clients': () => ({ body: { name: 'laptop' } }),
};

/** Rows whose answers another test looks at, each with the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'post /api/v1/session': 'only its cookie opens it: session-routes.test.ts',
  'post /api/v1/namespaces/:id/plugins/:pluginId': 'namespace-plugin-routes.test.ts follows it',
  'post /api/v1/integrations': 'integration-routes.test.ts follows it',
  'post /api/v1/plugin-instances': 'plugin-instance-routes.test.ts follows it',
  'post /api/v1/keys/rotate/signed': 'answers as /keys/rotate does: key-routes.test.ts',
};

interface Sent {
  id?: string;
  body?: object;
  isOfSite?: boolean;
}

async function makers(): Promise<string[]> {
  const tables = await routeTables();
  return tables.flatMap(({ at, rows }) =>
    rows.filter((row) => row.answers?.[201]).map((row) => `${row.method} ${at}${row.path}`),
  );
}

describe('201', () => {
  it.each(Object.keys(MADE_BY))('of %s names the address of what it made', async (row) => {
    const [method = '', path = ''] = row.split(' ');
    const { id = '', body, isOfSite = false } = await MADE_BY[row]!();
    const token = isOfSite ? service.admin : owner;
    const asked = { method: method.toUpperCase(), token, ...(body && { body }) };
    const at = path.replace(':orgId', tools.org).replace(/:\w+/, id);

    const made = await ask(service.url + at, asked);

    expect(made.status, made.text).toBe(201);
    const found = await ask(service.url + made.headers.get('location'), { token });
    expect(found.status, `${made.headers.get('location')}: ${found.text}`).toBe(200);
  });

  it('is looked at for every row that may answer it', async () => {
    const known = [...Object.keys(MADE_BY), ...Object.keys(ELSEWHERE)];

    expect((await makers()).toSorted()).toEqual(known.toSorted());
  });
});
