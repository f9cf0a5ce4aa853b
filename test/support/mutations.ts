import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../src/model/digest.ts';
import { generateKeyPair } from '../../src/signing/org-keys.ts';
import { readOfflineRootKey, signRootBody } from '../../src/signing/root-key.ts';
import { ask } from './app.ts';
import { runGit, temporaryFolder } from './git.ts';
import { type OrgApi, openOrg } from './org-api.ts';
import type { TestService } from './service.ts';
import { smallRegistry } from './small-registry.ts';
import { tamper } from './tamper.ts';
import { signedAs } from './webhook.ts';

/** What the requests of a story have found out so far. */
export interface Scene {
  service: TestService;
  tools: OrgApi;
  owner: string;
  /** A work tree of `tools`. */
  tree: string;
  /** What was made, by the name of what it is. */
  made: Record<string, string>;
}

const document = (kind: string, spec: string) =>
  `apiVersion: waymark/v1\nkind: ${kind}\nspec: ${spec}\n`;

/** Where nobody listens. */
const RECEIVER = 'https://127.0.0.1:9/hook';

const files = {
  ...smallRegistry,
  'registry.yaml': document(
    'Registry',
    '{title: Tools, delivery: {defaultAccess: orgWide}, departments: {west: {}}, ' +
      `plugins: {opendatabot: {}, webhooks: {config: {url: "${RECEIVER}"}}}}`,
  ),
  'namespaces/deals.yaml': document('Namespace', '{department: west}'),
};

export async function openScene(service: TestService): Promise<Scene> {
  const tools = await openOrg(service, { org: 'tools', files });
  const tree = await temporaryFolder('waymark-scene-');
  const url = `${service.url.replace('//', `//x:${service.admin}@`)}/git/tools.git`;
  await runGit(tree, ['clone', '-q', url, 'clone']);
  const owner = await tools.keyOf({ role: 'owner', user: 'olga' });
  return { service, tools, owner, tree: join(tree, 'clone'), made: {} };
}

export async function closeScene({ tools, tree }: Scene): Promise<void> {
  await tools.close();
  await rm(join(tree, '..'), { recursive: true, force: true });
}

interface Sent {
  path: string;
  body?: unknown;
  /** Default: the site's administrator, in the org `tools`. */
  token?: string;
  org?: string;
  cookie?: string;
  csrf?: string;
  headers?: Record<string, string>;
}

/** One request that changes something, and the audit rows that must tell of it. */
export interface Mutation {
  /** As the table of routes has it. */
  route: string;
  /** The actions of its rows, in their order; none for what changes nothing that is kept. */
  rows: readonly string[];
  status?: number;
  sent: (scene: Scene) => Sent | Promise<Sent>;
  /** What later requests need of the answer. */
  keep?: (data: Record<string, never>, headers: Headers) => Record<string, string>;
}

/** Sends it under a request id of its own, which it answers. */
export async function send(scene: Scene, { route, sent, ...mutation }: Mutation): Promise<string> {
  const requestId = `request-${randomUUID()}`;
  const { path, body, token = scene.service.admin, org = 'tools', ...browser } = await sent(scene);
  const [method = ''] = route.split(' ');
  const headers: Record<string, string> = {
    'x-request-id': requestId,
    'x-waymark-org': org,
    ...browser.headers,
  };
  if (browser.cookie) headers['cookie'] = browser.cookie;
  if (browser.csrf) headers['x-csrf-token'] = browser.csrf;
  if (browser.cookie) headers['origin'] = scene.service.url;
  const credential = browser.cookie || token === '' ? {} : { token };
  const asked = { method, headers, ...credential, ...(body === undefined ? {} : { body }) };
  const answer = await ask<{ data?: Record<string, never> }>(scene.service.url + path, asked);
  const expected = mutation.status;
  const isExpected = expected ? answer.status === expected : answer.status < 300;
  if (!isExpected) throw new Error(`${route}: ${answer.status} ${answer.text}`);
  const data = answer.body?.data ?? (answer.body as Record<string, never> | undefined);
  if (mutation.keep) Object.assign(scene.made, mutation.keep(data ?? {}, answer.headers));
  return requestId;
}

const text = (value: unknown): string => String(value);
const head = ({ tree }: Scene) =>
  runGit(tree, ['ls-remote', 'origin', 'main']).then((s) => s.slice(0, 40));
const edit = async (scene: Scene, content: string) => ({
  base: await head(scene),
  message: 'Say it',
  operations: [{ op: 'upsert', path: 'plugins/sales/NEWS.md', content }],
});
const proposal = async (scene: Scene, content: string) => ({
  title: 'Say it',
  ...(await edit(scene, content)),
});
const delivery = '/v1/orgs/:orgId/delivery';
const inDelivery = '/v1/orgs/tools/delivery';
const PASSWORD = 'a password of enough length';

/** In an order in which each finds what it needs. */
export const mutations: readonly Mutation[] = [
  {
    route: 'POST /api/v1/orgs',
    rows: ['org.create', 'keys.create', 'registry.create', 'org.activate'],
    sent: () => ({ path: '/api/v1/orgs', body: { slug: 'made' }, org: '*' }),
  },
  {
    route: 'PUT /api/v1/orgs/:slug',
    rows: ['org.change'],
    sent: () => ({ path: '/api/v1/orgs/made', body: { name: 'Made' }, org: '*' }),
  },
  {
    route: 'DELETE /api/v1/orgs/:slug',
    rows: ['org.delete', 'org.remove'],
    sent: () => ({ path: '/api/v1/orgs/made', org: '*' }),
  },
  {
    route: 'POST /api/v1/api-keys',
    rows: ['api-key.create'],
    sent: () => ({ path: '/api/v1/api-keys', body: { name: 'one', roles: ['viewer'] } }),
    keep: ({ id, key }) => ({ apiKey: text(id), apiToken: text(key) }),
  },
  {
    route: 'POST /api/v1/auth/token',
    rows: [],
    sent: ({ made }) => ({
      path: '/api/v1/auth/token',
      token: made['apiToken']!,
      body: { grant_type: 'client_credentials' },
    }),
  },
  {
    route: 'DELETE /api/v1/api-keys/:id',
    rows: ['api-key.revoke'],
    sent: ({ made }) => ({ path: `/api/v1/api-keys/${made['apiKey']}` }),
  },
  {
    route: 'POST /api/v1/users',
    rows: ['user.create'],
    sent: () => ({
      path: '/api/v1/users',
      body: { username: 'ada', displayName: 'Ada', password: PASSWORD },
      org: '*',
    }),
    keep: ({ id }) => ({ user: text(id) }),
  },
  {
    route: 'PUT /api/v1/users/:id',
    rows: ['user.change'],
    sent: ({ made }) => ({
      path: `/api/v1/users/${made['user']}`,
      body: { displayName: 'Ada L.' },
      org: '*',
    }),
  },
  {
    route: 'PUT /api/v1/members/:userId',
    rows: ['member.add'],
    sent: ({ made }) => ({ path: `/api/v1/members/${made['user']}`, body: { roles: ['editor'] } }),
  },
  {
    route: 'POST /api/v1/session',
    rows: ['session.start'],
    sent: () => ({
      path: '/api/v1/session',
      token: '',
      body: { username: 'ada', password: PASSWORD, org: 'tools' },
    }),
    keep: ({ csrfToken }, headers) => ({
      csrf: text(csrfToken),
      cookie: headers.get('set-cookie')!.split(';')[0]!,
    }),
  },
  {
    route: 'PUT /api/v1/users/me',
    rows: ['user.change'],
    sent: ({ made }) => ({
      path: '/api/v1/users/me',
      body: { displayName: 'Ada Lovelace' },
      cookie: made['cookie']!,
      csrf: made['csrf']!,
    }),
  },
  {
    route: 'DELETE /api/v1/session',
    rows: ['session.end'],
    sent: ({ made }) => ({
      path: '/api/v1/session',
      cookie: made['cookie']!,
      csrf: made['csrf']!,
    }),
  },
  {
    route: 'DELETE /api/v1/members/:userId',
    rows: ['member.remove'],
    sent: ({ made }) => ({ path: `/api/v1/members/${made['user']}` }),
  },
  {
    route: 'DELETE /api/v1/users/:id',
    rows: ['user.remove'],
    sent: ({ made }) => ({ path: `/api/v1/users/${made['user']}`, org: '*' }),
  },
  {
    route: 'POST /api/v1/feed-tokens',
    rows: ['feed-token.create'],
    sent: () => ({
      path: '/api/v1/feed-tokens',
      body: { name: 'reader', selector: { channel: 'rolling' } },
    }),
    keep: ({ id }) => ({ feed: text(id) }),
  },
  {
    route: 'DELETE /api/v1/feed-tokens/:id',
    rows: ['feed-token.revoke'],
    sent: ({ made }) => ({ path: `/api/v1/feed-tokens/${made['feed']}` }),
  },
  {
    route: 'PUT /api/v1/secrets/:name',
    rows: ['secret.put'],
    sent: () => ({ path: '/api/v1/secrets/one', body: { value: 'sesame' } }),
  },
  {
    route: 'DELETE /api/v1/secrets/:name',
    rows: ['secret.remove'],
    sent: () => ({ path: '/api/v1/secrets/one' }),
  },
  {
    route: 'POST /api/v1/components/:plugin/versions',
    rows: ['release.publish'],
    sent: () => ({ path: '/api/v1/components/sales/versions', body: { version: '1.0.0' } }),
  },
  {
    route: 'POST /api/v1/releases',
    rows: ['release.publish'],
    sent: () => ({
      path: '/api/v1/releases',
      body: { name: 'spring', components: [{ componentId: 'sales', version: '1.0.0' }] },
    }),
  },
  {
    route: 'POST /api/v1/components/:plugin/versions/:version/yank',
    rows: ['release.yank'],
    sent: () => ({
      path: '/api/v1/components/sales/versions/1.0.0/yank',
      body: { reason: 'wrong' },
    }),
  },
  {
    route: 'POST /api/v1/components/:plugin/versions/:version/unyank',
    rows: ['release.un-yank'],
    sent: () => ({ path: '/api/v1/components/sales/versions/1.0.0/unyank', body: {} }),
  },
  {
    route: 'POST /api/v1/changes/preview',
    rows: [],
    sent: async (scene) => ({ path: '/api/v1/changes/preview', body: await edit(scene, 'one\n') }),
  },
  {
    route: 'POST /api/v1/changes',
    rows: ['registry.edit'],
    sent: async (scene) => ({ path: '/api/v1/changes', body: await edit(scene, 'one\n') }),
  },
  {
    route: 'POST /api/v1/change-requests',
    rows: ['change.create', 'change.branch'],
    sent: async (scene) => ({
      path: '/api/v1/change-requests',
      body: await proposal(scene, 'two\n'),
    }),
    keep: ({ number, head: at }) => ({ change: text(number), changeHead: text(at) }),
  },
  {
    route: 'PUT /api/v1/change-requests/:number',
    rows: ['change.edit'],
    sent: ({ made }) => ({
      path: `/api/v1/change-requests/${made['change']}`,
      body: { title: 'Say it better' },
    }),
  },
  {
    route: 'POST /api/v1/change-requests/:number/reviews',
    rows: ['change.review'],
    sent: ({ made, owner }) => ({
      path: `/api/v1/change-requests/${made['change']}/reviews`,
      token: owner,
      body: { verdict: 'commented', body: 'fine', head: made['changeHead'] },
    }),
  },
  {
    route: 'POST /api/v1/change-requests/:number/merge',
    // Of the target's ref, and of the request.
    rows: ['change.merge', 'change.merge'],
    sent: ({ made }) => ({
      path: `/api/v1/change-requests/${made['change']}/merge`,
      body: { method: 'merge' },
    }),
  },
  {
    route: 'POST /api/v1/change-requests/:number/close',
    rows: ['change.close'],
    async sent(scene) {
      const opened = await proposal(scene, 'three\n');
      const { number } = await scene.tools.post<{ number: number }>('/change-requests', opened);
      return { path: `/api/v1/change-requests/${number}/close`, body: {} };
    },
  },
  {
    route: `POST ${delivery}/clients`,
    rows: ['client.enrol'],
    sent: ({ owner }) => ({
      path: `${inDelivery}/clients`,
      token: owner,
      body: { name: 'laptop' },
    }),
    keep: ({ clientId, token }) => ({ client: text(clientId), clientToken: text(token) }),
  },
  {
    route: `POST ${delivery}/clients/:clientId/state`,
    rows: [],
    sent: ({ made }) => ({
      path: `${inDelivery}/clients/${made['client']}/state`,
      token: made['clientToken']!,
      body: { plugins: [] },
    }),
  },
  {
    route: `POST ${delivery}/clients/:clientId/check-updates`,
    rows: [],
    sent: ({ made }) => ({
      path: `${inDelivery}/clients/${made['client']}/check-updates`,
      token: made['clientToken']!,
      body: { installed: [] },
    }),
  },
  {
    route: `POST ${delivery}/clients/:clientId/rotate-key`,
    rows: ['client.rotate-key'],
    async sent({ made, owner }) {
      const at = '2026-01-01T00:00:00.000Z';
      const { publicArmored: publicKey } = await generateKeyPair({ org: 'x', role: 'root', at });
      return {
        path: `${inDelivery}/clients/${made['client']}/rotate-key`,
        token: owner,
        body: { publicKey },
      };
    },
  },
  {
    route: `DELETE ${delivery}/clients/:clientId`,
    rows: ['client.revoke'],
    sent: ({ made, owner }) => ({
      path: `${inDelivery}/clients/${made['client']}`,
      token: owner,
    }),
  },
  {
    route: 'POST /api/v1/audit/checkpoints',
    rows: ['audit.checkpoint'],
    sent: () => ({ path: '/api/v1/audit/checkpoints' }),
  },
  {
    route: 'POST /api/v1/backup',
    rows: ['site.backup'],
    sent: () => ({ path: '/api/v1/backup', body: { passphrase: PASSWORD }, org: '*' }),
  },
  {
    route: 'POST /api/v1/keys/rotate',
    rows: ['keys.rotate'],
    sent: ({ owner }) => ({
      path: '/api/v1/keys/rotate',
      token: owner,
      body: { roles: ['release'] },
    }),
  },
  {
    route: 'POST /api/v1/keys/root/export',
    rows: ['keys.export-root', 'keys.remove-root'],
    sent: ({ owner }) => ({
      path: '/api/v1/keys/root/export',
      token: owner,
      body: { remove: true },
    }),
    keep: ({ armored }) => ({ rootKey: text(armored) }),
  },
  {
    route: 'POST /api/v1/keys/rotate/draft',
    rows: [],
    sent: ({ owner }) => ({
      path: '/api/v1/keys/rotate/draft',
      token: owner,
      body: { roles: ['index'] },
    }),
    keep: ({ body, keys }) => ({ draft: text(body), draftKeys: JSON.stringify(keys) }),
  },
  {
    route: 'POST /api/v1/keys/rotate/signed',
    rows: ['keys.rotate'],
    async sent({ owner, made }) {
      const rootKey = await readOfflineRootKey(made['rootKey']!);
      const signature = Buffer.from(await signRootBody(made['draft']!, [rootKey]));
      return {
        path: '/api/v1/keys/rotate/signed',
        token: owner,
        body: {
          body: made['draft'],
          keys: JSON.parse(made['draftKeys']!),
          signature: signature.toString('base64'),
        },
      };
    },
  },
  {
    route: 'PUT /api/v1/upstream',
    rows: ['upstream.set'],
    async sent({ service }) {
      const headers = { 'x-waymark-org': '*' };
      const upstream = { url: 'https://127.0.0.1:9/tools/upstream.git' };
      const body = { slug: 'mirrored', mode: 'mirror', upstream };
      await ask(`${service.url}/api/v1/orgs`, { token: service.admin, headers, body });
      return { path: '/api/v1/upstream', org: 'mirrored', body: { branch: 'trunk' } };
    },
  },
  {
    route: 'POST /api/v1/upstream/sync',
    rows: [],
    // Nothing listens there: what a sync brings is the mirror's doing, not the request's.
    status: 502,
    sent: () => ({ path: '/api/v1/upstream/sync', org: 'mirrored' }),
  },
  {
    route: 'POST /api/v1/upstream/conditions/:id/accept',
    rows: ['upstream-condition.accept'],
    sent({ service: { dataDir } }) {
      const oids = `'${'1'.repeat(40)}', '${'2'.repeat(40)}'`;
      const insert = `insert into upstream_condition values
        ('mirrored', ?, 'force-push', 'refs/heads/trunk', ${oids}, '[]', ?, null, null)`;
      const id = randomUUID();
      tamper(dataDir, insert, id, '2026-01-01T00:00:00.000Z');
      return { path: `/api/v1/upstream/conditions/${id}/accept`, org: 'mirrored' };
    },
  },
  {
    route: 'POST /hooks/:orgId/:provider',
    rows: [],
    async sent({ service: { url, admin } }) {
      const put = async (path: string, body: object) => {
        const asked = { method: 'PUT', headers: { 'x-waymark-org': 'mirrored' }, body };
        const { status, text } = await ask(`${url}/api/v1${path}`, { token: admin, ...asked });
        if (status >= 300) throw new Error(`${path}: ${text}`);
      };
      await put('/secrets/hook', { value: 'sesame' });
      await put('/upstream', { provider: { kind: 'gitea', webhookRefs: ['hook'] } });
      const body = '{"ref":"refs/heads/trunk"}';
      return {
        path: '/hooks/mirrored/gitea',
        token: '',
        headers: signedAs.gitea('sesame', body),
        body,
      };
    },
  },
  {
    route: 'POST /api/v1/namespaces/:id/plugins/:pluginId',
    rows: ['binding-secret.put', 'registry.edit'],
    sent: () => ({
      path: '/api/v1/namespaces/deals/plugins/webhooks',
      body: { config: { url: RECEIVER, secret: 'hunter2hunter2' } },
    }),
  },
  {
    route: 'PATCH /api/v1/namespaces/:id/plugins/:pluginId',
    rows: ['registry.edit'],
    sent: () => ({
      path: '/api/v1/namespaces/deals/plugins/webhooks',
      body: { enabled: true, config: { events: ['approval.created'] } },
    }),
  },
  {
    route: 'POST /api/v1/namespaces/:id/agent-query',
    rows: [],
    sent: () => ({ path: '/api/v1/namespaces/deals/agent-query', body: { query: '12345678' } }),
  },
  {
    route: 'POST /api/v1/namespaces/:id/tools/:pluginId/:name',
    rows: [],
    // No plugin of Waymark's own has any: through packages in test/acceptance/plugin-host.
    status: 404,
    sent: () => ({ path: '/api/v1/namespaces/deals/tools/webhooks/none', body: {} }),
  },
  {
    route: 'DELETE /api/v1/namespaces/:id/plugins/:pluginId',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/namespaces/deals/plugins/webhooks' }),
  },
  {
    route: 'POST /api/v1/plugins/:id/enable',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/plugins/http/enable', body: {} }),
  },
  {
    route: 'POST /api/v1/plugins/:id/reset',
    rows: ['plugin.reset'],
    sent: () => ({ path: '/api/v1/plugins/http/reset', body: {} }),
  },
  {
    route: 'POST /api/v1/integrations',
    rows: ['binding-secret.put', 'registry.edit'],
    sent: () => ({
      path: '/api/v1/integrations',
      body: {
        name: 'away',
        type: 'generic.http',
        config: { endpoint: RECEIVER, authMode: 'bearer' },
        credentials: { token: 'hunter2hunter2' },
      },
    }),
  },
  {
    route: 'PUT /api/v1/integrations/:id',
    rows: ['registry.edit'],
    sent: () => ({
      path: '/api/v1/integrations/away',
      body: { config: { endpoint: RECEIVER, authMode: 'bearer', healthPath: '/health' } },
    }),
  },
  {
    route: 'POST /api/v1/integrations/:id/test',
    rows: [],
    sent: () => ({ path: '/api/v1/integrations/away/test', body: {} }),
  },
  {
    route: 'POST /api/v1/integrations/:id/discover',
    rows: [],
    // It has nothing to be found.
    status: 422,
    sent: () => ({
      path: '/api/v1/integrations/away/discover',
      body: { resourceType: 'branch' },
    }),
  },
  {
    route: 'DELETE /api/v1/integrations/:id',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/integrations/away' }),
  },
  {
    route: 'POST /api/v1/plugin-instances',
    rows: ['registry.edit'],
    sent: () => ({
      path: '/api/v1/plugin-instances',
      body: { pluginId: 'http', name: 'again', config: { endpoint: RECEIVER } },
    }),
  },
  {
    route: 'PUT /api/v1/plugin-instances/:id',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/plugin-instances/again', body: { enabled: false } }),
  },
  {
    route: 'DELETE /api/v1/plugin-instances/:id',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/plugin-instances/again' }),
  },
  {
    route: 'POST /api/v1/plugins/:id/disable',
    rows: ['registry.edit'],
    sent: () => ({ path: '/api/v1/plugins/http/disable', body: {} }),
  },
  {
    route: 'POST /api/v1/webhooks/:id/resume',
    rows: ['webhook.resume'],
    sent({ service: { dataDir } }) {
      const insert = `insert into outbox_suspension values ('tools', 'org', 'webhooks', ?, ?)`;
      tamper(dataDir, insert, sha256Hex(RECEIVER), '2026-01-01T00:00:00.000Z');
      return { path: '/api/v1/webhooks/webhooks/resume' };
    },
  },
];
