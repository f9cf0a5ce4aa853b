import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../support/app.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { writePlugin } from '../../support/plugins.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { openService, type TestService } from '../../support/service.ts';
import { command } from '../../support/small-registry.ts';
import { tamper } from '../../support/tamper.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const patience = { timeout: 60_000 };

let dir: string;
let service: TestService;
let org: OrgApi;
let receiver: Receiver;
let turn = 0;

/** Remembers what it heard, and tells who asks. */
const listening = (heard: string) => `{
  'hook.handle': ({event, context}) => {
    (globalThis.heard ??= []).push({...event, config: context.config});
    ${heard}
  },
  'agent.query': () => ({results: (globalThis.heard ?? []).map((one) => ({text: JSON.stringify(one)}))}),
}`;

/** Server parts by id, and what each does when its hook is called. */
const PLUGINS = {
  fine: '',
  throws: `throw new Error('no');`,
  hangs: 'return new Promise(() => {});',
  loops: 'for (;;);',
};

const document = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });

const registryWith = (plugins: object) =>
  document('Registry', { departments: { west: {} }, plugins });

const namespace = (covers?: object) =>
  document('Namespace', { department: 'west', covers, plugins: { fine: {} } });

const configured = (greeting = 'hello') =>
  registryWith({
    fine: { config: { greeting } },
    throws: {},
    hangs: {},
    loops: {},
    webhooks: {
      config: {
        url: `${receiver.url}/hook`,
        events: ['approval.created', 'document.ready', 'release.published'],
        secret: { secretRef: 'hook' },
      },
    },
  });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-hooks-'));
  const capabilities = { agent_query: true, release_hook: true };
  for (const [id, does] of Object.entries(PLUGINS)) {
    await writePlugin(dir, {
      manifest: { id, capabilities, hooks: ['*'] },
      methods: listening(does),
    });
  }
  receiver = await openReceiver();
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
  });
  org = await openOrg(service);
  const url = `${service.url}/api/v1/secrets/hook`;
  const stored = await ask(url, { method: 'PUT', token: org.admin, body: { value: secret } });
  expect(stored.status, stored.text).toBeLessThan(300);
  await org.push({
    'registry.yaml': configured(),
    'namespaces/selling.yaml': namespace({ plugins: ['sales'] }),
    'namespaces/running.yaml': namespace({ plugins: ['ops'] }),
    'namespaces/idle.yaml': namespace(),
  });
});
afterAll(async () => {
  await org?.close();
  await service?.close();
  await receiver?.close();
  await rm(dir, { recursive: true });
});

interface Heard {
  id: string;
  type: string;
  namespaceId: string | null;
  departmentId: string | null;
  data: Record<string, unknown>;
  config: Record<string, unknown>;
}

async function heardBy(pluginId: string): Promise<Heard[]> {
  const answer = (await service.plugins.call({
    org: org.org,
    pluginId,
    method: 'agent.query',
    requestId: 'r',
    params: { query: 'what?' },
  })) as { results: { text: string }[] };
  return answer.results.map(({ text }) => JSON.parse(text) as Heard);
}

const eventsAt = (path: string) =>
  receiver.received
    .filter((one) => one.path === path)
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);

interface Told {
  binding: string;
  outcome: string;
  at: string;
}

/** How each binding was told of the last release that was published. */
const deliveries = () =>
  query<Told>(
    `select binding, outcome, at from hook_delivery where event_id =
      (select max(id) from hook_event where type = 'release.published')`,
  );

const untold = () => query('select id from hook_event where settled_at is null');

function query<Row>(sql: string): Row[] {
  const database = new DatabaseSync(join(service.dataDir, 'waymark.db'));
  try {
    return database.prepare(sql).all() as Row[];
  } finally {
    database.close();
  }
}

const outcomes = () =>
  Object.fromEntries(deliveries().map(({ binding, outcome }) => [binding, outcome]));

async function publish(): Promise<string> {
  turn += 1;
  const version = `1.0.${turn}`;
  await org.push({ 'plugins/sales/commands/quote.yaml': command(`Turn ${turn}.`) });
  await org.publish(`sales@${version}`);
  return `sales--v${version}`;
}

describe('hooks', () => {
  it('that throw, hang or loop harm neither the cause nor other hooks', async () => {
    const releaseId = await publish();

    await expect.poll(outcomes, patience).toEqual({
      fine: 'done',
      'selling.fine': 'done',
      throws: 'failed',
      hangs: 'failed',
      loops: 'failed',
      webhooks: 'done',
    });
    const at = Object.fromEntries(deliveries().map((told) => [told.binding, told.at]));
    expect(at['fine']! < at['hangs']!).toBe(true);
    expect(at['selling.fine']! < at['hangs']!).toBe(true);
    const heard = (await heardBy('fine')).filter(({ namespaceId }) => namespaceId === null);
    expect(heard.map(({ type, data }) => [type, data['releaseId']])).toEqual([
      ['release.created', releaseId],
      ['release.published', releaseId],
    ]);
  });

  it('hear of what their organisation does, and of what their namespace covers', async () => {
    const releaseId = await publish();

    const ofRelease = async () =>
      (await heardBy('fine'))
        .filter(({ type, data }) => type === 'release.published' && data['releaseId'] === releaseId)
        .toSorted((a, b) => String(a.namespaceId).localeCompare(String(b.namespaceId)));
    await expect.poll(ofRelease, patience).toMatchObject([
      { namespaceId: null, departmentId: null, config: { greeting: 'hello' } },
      { namespaceId: 'selling', departmentId: 'west', config: {} },
    ]);
    expect(new Set((await ofRelease()).map(({ id }) => id)).size).toBe(1);
  });

  it('hear of nothing that their plugin has no capability for', async () => {
    await org.push({ 'plugins/ops/contexts/tone.yaml': document('Context', { body: 'Be kind.' }) });
    await publish();
    await expect.poll(outcomes, patience).toMatchObject({ fine: 'done', 'selling.fine': 'done' });

    const types = new Set((await heardBy('fine')).map(({ type }) => type));

    expect([...types].toSorted()).toEqual(['release.created', 'release.published']);
  });

  it('are told again what nobody noted that they were told, with the same id', async () => {
    const releaseId = await publish();
    await expect.poll(untold, patience).toEqual([]);
    // As a server leaves it that dies after the calls and before it has noted them.
    tamper(service.dataDir, 'delete from hook_delivery');
    tamper(service.dataDir, 'update hook_event set settled_at = null');

    await publish();

    const ids = async () =>
      (await heardBy('fine'))
        .filter(({ type, data }) => type === 'release.published' && data['releaseId'] === releaseId)
        .filter(({ namespaceId }) => namespaceId === null)
        .map(({ id }) => id);
    await expect.poll(ids, patience).toHaveLength(2);
    expect(new Set(await ids()).size).toBe(1);
    await expect.poll(outcomes, patience).toMatchObject({ webhooks: 'done' });
    const [id] = await ids();
    expect(eventsAt('/hook').filter((sent) => sent['id'] === id)).toHaveLength(1);
  });

  it('are called with the configuration that is served by then', async () => {
    await org.push({ 'registry.yaml': configured('good day') });

    const releaseId = await publish();

    const ofRelease = async () =>
      (await heardBy('fine'))
        .filter(({ namespaceId, data }) => !namespaceId && data['releaseId'] === releaseId)
        .map(({ config }) => config['greeting']);
    await expect.poll(ofRelease, patience).toEqual(['good day', 'good day']);
  });
});

describe('webhooks', () => {
  it('tell a receiver of a context that is ready, signed by the secret of the org', async () => {
    const context = (body: string) =>
      `apiVersion: waymark/v1\nkind: Context\nmetadata: {title: Rules}\nspec: {body: ${body}}\n`;

    await org.push({ 'plugins/ops/contexts/rules.yaml': context('Be brief.') });

    const ready = () =>
      receiver.received.find(({ body }) => body.includes('"documentId":"ops.context.rules"'));
    await expect.poll(ready, patience).toBeDefined();
    const { body, headers } = ready()!;
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'document.ready',
      documentId: 'ops.context.rules',
      orgId: 'tools',
      data: { pluginId: 'ops', title: 'Rules' },
    });
  });

  it('tell of a change request that asks for votes', async () => {
    const { commit } = await org
      .get<{ commit: string }>('/index?channel=rolling')
      .then(({ body }) => body);
    const path = 'plugins/sales/commands/quote.yaml';
    const operations = [{ op: 'upsert', path, content: command('Propose.') }];

    const { number } = await org.post<{ number: number }>('/change-requests', {
      title: 'Propose',
      base: commit,
      operations,
    });

    const told = () => eventsAt('/hook').filter(({ type }) => type === 'approval.created');
    await expect
      .poll(told, patience)
      .toMatchObject([{ approvalId: `change-requests/${number}`, data: { changeNumber: number } }]);
  });

  it('are sent again, with the same id, until the receiver takes them', async () => {
    receiver.respond = (response) => response.writeHead(500).end();
    const releaseId = await publish();
    const attempts = () =>
      receiver.received.filter(({ body }) => body.includes(`"releaseId":"${releaseId}"`));
    await expect.poll(attempts, patience).toHaveLength(1);
    receiver.respond = (response) => response.writeHead(200).end();

    await expect.poll(attempts, patience).toHaveLength(2);

    const [first, second] = attempts();
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.body).toBe(first?.body);
  });
});
