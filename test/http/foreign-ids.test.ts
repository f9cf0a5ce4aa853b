import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../src/http/route.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { ask } from '../support/app.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { makeOrgKeys } from '../support/org-keys.ts';
import { routeTables } from '../support/route-table.ts';
import { openService, type TestService } from '../support/service.ts';
import { smallRegistry } from '../support/small-registry.ts';

/** What an organisation has that another must learn nothing of, and the same of one that nobody has. */
interface Ids {
  known: Readonly<Record<string, string>>;
  unknown: Readonly<Record<string, string>>;
}

const OID = '1'.repeat(40);
const RULES = 'Do not tell.\n';
const document = (kind: string, spec: string) => `apiVersion: waymark/v1\nkind: ${kind}\n${spec}\n`;

const CLIENT_KEY = (await makeOrgKeys()).keys[0]!.publicArmored;

const victimsFiles = {
  ...smallRegistry,
  'registry.yaml': document(
    'Registry',
    'spec: {title: Victim, delivery: {defaultAccess: orgWide}, departments: {west: {}}, ' +
      'plugins: {webhooks: {config: {url: "https://127.0.0.1:9/"}}}}',
  ),
  'namespaces/hidden.yaml': document(
    'Namespace',
    'spec: {department: west, plugins: {webhooks: {config: {url: "https://127.0.0.1:9/"}}}}',
  ),
  'plugins/secret-plan/plugin.yaml': document('Plugin', 'spec: {title: Secret plan}'),
  'plugins/secret-plan/server/plugin.json': JSON.stringify({
    id: 'secret-plan',
    displayName: 'Secret plan',
    schemaVersion: 1,
    capabilities: { integration: true },
  }),
  'plugins/secret-plan/server/index.js': 'export default {};\n',
  'integrations/hidden-link.yaml': document('Integration', 'spec: {type: secret-plan.default}'),
  'plugins/secret-plan/contexts/rules.yaml': document('Context', 'spec: {body: Do not tell.}'),
  'plugins/secret-plan/notes.md': RULES,
};

let service: TestService;
let victim: OrgApi;
let attacker: OrgApi;
let owner: string;
let ids: Ids;

beforeAll(async () => {
  service = await openService();
  victim = await openOrg(service, { org: 'victim', files: victimsFiles });
  attacker = await openOrg(service, { org: 'attacker' });
  owner = await attacker.keyOf({ role: 'owner' });
  ids = await makeIds();
});

afterAll(async () => {
  await victim.close();
  await attacker.close();
  await service.close();
});

async function makeIds(): Promise<Ids> {
  await victim.publish('secret-plan@1.0.0');
  await victim.post('/releases', {
    name: 'hidden-q3',
    components: [{ componentId: 'secret-plan', version: '1.0.0' }],
  });
  const { data: change } = await own<{ data: { number: number; head: string } }>(
    'POST',
    '/change-requests',
    {
      title: 'Hidden',
      base: await victim.push({ 'docs/hidden.md': 'Hidden.\n' }),
      operations: [{ op: 'upsert', path: 'plugins/secret-plan/more.md', content: 'More.\n' }],
    },
  );
  const { data: review } = await own<{ data: { id: string } }>(
    'POST',
    `/change-requests/${change.number}/reviews`,
    { verdict: 'commented', body: 'Hm.', head: change.head },
  );
  const user = await siteUser('hidden-person');
  await own('PUT', `/members/${user}`, { roles: ['viewer'] });
  await own('PUT', '/secrets/hidden-secret', { value: 'hunter2hunter2' });
  const key = await own<{ data: { id: string } }>('POST', '/api-keys', {
    name: 'hidden',
    roles: ['viewer'],
  });
  const feed = await own<{ data: { id: string } }>('POST', '/feed-tokens', {
    name: 'hidden',
    selector: { channel: 'stable' },
  });
  const client = await victim.enrol(await victim.keyOf({ role: 'editor' }));
  const known = {
    '/api-keys/:id': key.data.id,
    '/feed-tokens/:id': feed.data.id,
    '/members/:userId': user,
    '/namespaces/:id': 'hidden',
    '/webhooks/:id': 'hidden.webhooks',
    '/plugins/:id': 'secret-plan',
    '/integration-types/:typeId': 'secret-plan.default',
    '/integrations/:id': 'hidden-link',
    '/plugin-instances/:id': 'hidden-link',
    '/secrets/:name': 'hidden-secret',
    '/releases/:name': 'hidden-q3',
    '/change-requests/:number': String(change.number),
    '/reviews/:id': review.id,
    ':pluginId': 'webhooks',
    ':name': 'hidden-tool',
    ':plugin': 'secret-plan',
    ':version': '1.0.0',
    ':release': '1.0.0',
    ':clientId': client.clientId,
    '/config-objects/:id': 'secret-plan.context.rules',
    ':digest': sha256Hex(Buffer.from(RULES)),
  };
  const unknown = {
    ...Object.fromEntries(Object.entries(known).map(([name, id]) => [name, another(id)])),
    '/change-requests/:number': '8',
    // Of a plugin that is not there, these say nothing.
    ':version': '1.0.0',
    ':release': '1.0.0',
  };
  return { known, unknown };
}

/** One of the same form that nobody has. */
function another(id: string): string {
  const last = id.at(-1)!;
  return id.slice(0, -1) + (/\d/.test(last) ? (Number(last) + 5) % 10 : last === 'z' ? 'y' : 'z');
}

async function own<T>(method: string, path: string, body: unknown): Promise<T> {
  const answer = await ask<T>(`${service.url}/api/v1${path}`, {
    method,
    token: victim.admin,
    body,
  });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body;
}

async function siteUser(username: string): Promise<string> {
  const body = { username, displayName: 'Hidden', password: 'correct horse battery' };
  const headers = { 'x-waymark-org': '*' };
  const url = `${service.url}/api/v1/users`;
  const answer = await ask<{ data: { id: string } }>(url, { token: service.admin, headers, body });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data.id;
}

/** What a route has to be sent so that only the id decides. */
const BODIES: Readonly<Record<string, unknown>> = {
  'put /secrets/:name': { value: 'a-new-value' },
  'put /change-requests/:number': { title: 'Mine now' },
  'post /change-requests/:number/reviews': { verdict: 'commented', body: 'Hm.', head: OID },
  'post /change-requests/:number/merge': { method: 'merge' },
  'post /namespaces/:id/plugins/:pluginId': {},
  'patch /namespaces/:id/plugins/:pluginId': {},
  'post /namespaces/:id/agent-query': { query: 'What is hidden?' },
  'post /namespaces/:id/tools/:pluginId/:name': {},
  'post /plugins/:id/enable': {},
  'post /plugins/:id/disable': {},
  'post /plugins/:id/reset': {},
  'put /integrations/:id': {},
  'post /integrations/:id/test': {},
  'post /integrations/:id/discover': { resourceType: 'branch' },
  'put /plugin-instances/:id': {},
  'post /components/:plugin/versions': { version: '9.9.9' },
  'post /components/:plugin/versions/:version/yank': { reason: 'Because.' },
  'post /components/:plugin/versions/:version/unyank': { reason: 'Because.' },
  'post /:orgId/delivery/clients/:clientId/state': { plugins: [] },
  'post /:orgId/delivery/clients/:clientId/check-updates': {},
  'post /:orgId/delivery/clients/:clientId/rotate-key': { publicKey: CLIENT_KEY },
};

/** Rows whose ids are no organisation's, each with the reason. */
const NOBODYS: Readonly<Record<string, string>> = {
  'put /members/:userId': 'people are the site’s: an admin may take anyone in whose id they know',
  'put /secrets/:name': 'it makes the secret in the caller’s own organisation',
  'get /audit/checkpoints/:sequence': 'sequences count in each organisation from 1',
  'get /:orgId/delivery/root/:version': 'versions count in each organisation from 1',
  'get /:orgId/delivery/root/:version.asc': 'versions count in each organisation from 1',
  'post /upstream/conditions/:id/accept': 'only a mirror has any: see upstream-routes.test.ts',
};

const nameOf = ({ method, path }: Route) => `${method} ${path}`;

/** The path with each parameter replaced; undefined when one has no sample. */
function fill(path: string, samples: Readonly<Record<string, string>>): string | undefined {
  let isWhole = true;
  const filled = path
    .replace(':orgId', attacker.org)
    .replace(/((?:\/[\w-]+)?)\/(:\w+)/g, (_, at, name) => {
      const id = samples[`${at}/${name}`] ?? samples[name];
      isWhole &&= id !== undefined;
      return `${at}/${id}`;
    });
  return isWhole && !filled.includes('/:') ? filled : undefined;
}

const CHANGING = /^(date|x-request-id|x-ratelimit-.*|content-length|keep-alive|connection)$/;

/** The whole answer, without what differs between any two, and without the id itself. */
async function answerTo(at: string, row: Route, which: keyof Ids) {
  const path = fill(row.path, ids[which])!;
  const body = BODIES[nameOf(row)];
  const answer = await ask<Record<string, unknown>>(service.url + join(at, path), {
    method: row.method.toUpperCase(),
    token: owner,
    ...(body === undefined ? {} : { body }),
  });
  const headers = [...answer.headers].filter(([name]) => !CHANGING.test(name));
  const { meta: _meta, ...said } = answer.body ?? {};
  let text = JSON.stringify(said);
  for (const id of idsIn(path)) text = text.replaceAll(new RegExp(`\\b${id}\\b`, 'g'), '<id>');
  return { status: answer.status, headers, text };
}

/** Those of `path`, the longest first: one may be part of another. */
const idsIn = (path: string): string[] =>
  path
    .split('/')
    .filter((part) => [ids.known, ids.unknown].some((all) => Object.values(all).includes(part)))
    .sort((a, b) => b.length - a.length);

describe('an id of another organisation', () => {
  it('is answered as one that nobody has, by every route that takes one', async () => {
    const wrong: string[] = [];
    let asked = 0;
    for (const { at, rows } of await routeTables()) {
      for (const row of rows) {
        const isOfTheSite = row.scope === 'site' || row.permission === 'public';
        const hasId = /:(?!orgId)/.test(row.path);
        if (!hasId || isOfTheSite || nameOf(row) in NOBODYS) continue;
        if (!fill(row.path, ids.known)) {
          wrong.push(`${nameOf(row)} has no sample of its id here`);
          continue;
        }
        const [foreign, unknown] = [
          await answerTo(at, row, 'known'),
          await answerTo(at, row, 'unknown'),
        ];
        asked += 1;
        const isSame = JSON.stringify(foreign) === JSON.stringify(unknown);
        // An answer for want of something else would be the same for every id.
        if (!isSame || foreign.status !== 404) {
          wrong.push(`${nameOf(row)}: ${JSON.stringify(foreign)} ≠ ${JSON.stringify(unknown)}`);
        }
      }
    }

    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(30);
  });

  it('is found by its own organisation, or the above would show nothing', async () => {
    const found = await Promise.all(
      Object.entries(ids.known)
        // Secrets are only listed; the others are of delivery, or of a change request.
        .filter(([name]) => name.startsWith('/') && !/^\/(config|secrets|reviews)/.test(name))
        .map(([name, id]) =>
          ask(`${service.url}/api/v1${name.replace(/:\w+/, id)}`, { token: victim.admin }),
        ),
    );
    const { ':plugin': plugin, ':clientId': clientId, ':digest': digest } = ids.known;
    const delivered = await Promise.all(
      [
        `/plugins/${plugin}/manifest`,
        `/clients/${clientId}`,
        `/blobs/sha256/${digest}`,
        `/config-objects/${ids.known['/config-objects/:id']}/download`,
      ].map((path) => victim.get(path)),
    );

    expect([...found, ...delivered].map(({ status }) => status)).not.toContain(404);
    expect(found).toHaveLength(11);
  });
});
