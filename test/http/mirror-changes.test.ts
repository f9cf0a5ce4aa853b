import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShownChange, ShownDiff } from '../../src/changes/describe-change.ts';
import { type Asked, ask, type Refused } from '../support/app.ts';
import { makeRepository, runGit, type TestRepository, temporaryFolder } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { takePushes } from '../support/mirror.ts';
import { makePull, type ProviderServer, startProvider } from '../support/provider-server.ts';
import { plugin, smallRegistry } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';
import { signedAs } from '../support/webhook.ts';

const ORG = 'copy';
const PATH = 'plugins/sales/plugin.yaml';
const login = { username: 'waymark', password: 'the-password' };

/** A mirror of a repository at a Gitea, from the first webhook to the merge. */
let service: TestService;
let upstream: TestRepository;
let backend: HttpBackend;
let provider: ProviderServer;

beforeAll(async () => {
  service = await openService(undefined, { WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' });
  upstream = await makeRepository(smallRegistry());
  await takePushes(upstream);
  backend = await serveHttpBackend(upstream.path);
  backend.login = login;
  provider = await startProvider('gitea');
  provider.headOf = (branch) => upstream.git('rev-parse', `refs/heads/${branch}`);
  const settings = {
    url: backend.url,
    credentials: { secretRef: 'upstream', username: login.username },
    provider: {
      kind: 'gitea',
      apiUrl: provider.apiUrl,
      project: 'team/registry',
      tokenRef: 'api-token',
      webhookRefs: ['webhook'],
    },
  };
  const made = await api('/orgs', { body: { slug: ORG, mode: 'mirror', upstream: settings } }, '*');
  expect(made.status, made.text).toBe(201);
  await put('webhook', 'hook-secret');
  await put('api-token', provider.token);
  await put('upstream', login.password);
});

afterAll(async () => {
  await service.close();
  await provider.close();
  await backend.close();
  await upstream.remove();
  expect(provider.faults).toEqual([]);
});

type Answer<T> = { data: T } & Refused;

const api = <T>(path: string, asked: Asked = {}, slug = ORG) =>
  ask<Answer<T>>(`${service.url}/api/v1${path}`, {
    token: service.admin,
    headers: { 'x-waymark-org': slug },
    ...asked,
  });
const put = (name: string, value: string) =>
  api(`/secrets/${name}`, { method: 'PUT', body: { value } });
const sync = () => api<unknown>('/upstream/sync', { body: {} });
const served = async () => {
  const url = `${service.url}/v1/orgs/${ORG}/delivery/index?channel=rolling`;
  return (await ask<{ commit?: string }>(url, { token: service.admin })).body.commit;
};
const within = { timeout: 20_000 };
const statusesOf = (commit: string) =>
  provider.statuses.filter((status) => status.commit === commit).map(({ state }) => state);
const edit = (content: string) => ({
  base: upstream.head,
  message: 'Better\n\nFor large deals.',
  operations: [{ op: 'upsert', path: PATH, content }],
});

let number: number;
let head: string;

describe('a mirror whose upstream lives at a provider', () => {
  it('follows it as soon as the secret for it is stored', async () => {
    await expect.poll(served, within).toBe(upstream.head);
  });

  it('has the commit that it serves marked as valid', async () => {
    await sync();

    await expect.poll(() => statusesOf(upstream.head).at(-1), within).toBe('success');
  });

  it('looks when a webhook says that something has moved', async () => {
    const next = await upstream.commit({ 'plugins/sales/NOTES.md': 'Notes.\n' });
    const headers = signedAs.gitea('hook-secret', '{}');

    const answer = await ask(`${service.url}/hooks/${ORG}/gitea`, { headers, body: '{}' });

    expect(answer.status).toBe(202);
    await expect.poll(served, within).toBe(next);
    await expect.poll(() => statusesOf(next), within).toEqual(['pending', 'success']);
  });

  it('proposes an edit of the registry as a pull request', async () => {
    const answer = await api<{ change: { number: number; head: string; url: string } }>(
      '/changes',
      { body: edit(plugin('version: 2.0.0', 'Better sales')) },
    );

    expect(answer.status, answer.text).toBe(202);
    ({ number, head } = answer.body.data.change);
    expect(provider.pulls).toMatchObject([{ number, title: 'Better', head }]);
    expect(answer.headers.get('location')).toBe(`/api/v1/change-requests/${number}`);
  });

  it('shows it with its checks and what it would change', async () => {
    const shown = await api<ShownChange>(`/change-requests/${number}`);
    const diff = await api<ShownDiff>(`/change-requests/${number}/diff`);

    expect(shown.body.data).toMatchObject({
      number,
      head,
      status: 'open',
      target: 'main',
      author: 'upstream:waymark-bot',
      url: `https://provider.example/team/registry/pulls/${number}`,
      conflicts: [],
    });
    expect(shown.body.data.checks.map(({ name }) => name)).toContain('schema');
    expect(diff.body.data.files.map(({ path }) => path)).toEqual([PATH]);
  });

  it('says at the provider what the gate says of it', async () => {
    await sync();

    await expect.poll(() => statusesOf(head).at(-1), within).toBe('success');
  });

  it('says at the provider what is wrong with a branch that was pushed there', async () => {
    const broken = await upstream.commit(
      { [PATH]: plugin('nonsense: 1') },
      { branch: 'broken', from: upstream.head },
    );

    await sync();

    await expect.poll(() => statusesOf(broken), within).toEqual(['pending', 'failure']);
    const failure = provider.statuses.find(({ state }) => state === 'failure');
    expect(failure?.description).toContain(`${PATH}:`);
  });

  it('refuses a proposal that would not compile before anything is pushed', async () => {
    const before = await upstream.git('for-each-ref');

    const answer = await api('/changes', { body: edit(plugin('nonsense: 1')) });

    expect([answer.status, answer.body.error.code]).toEqual([422, 'REG_GATE_REFUSED']);
    expect(await upstream.git('for-each-ref')).toBe(before);
  });

  it('opens a pull request for a branch that was pushed here', async () => {
    const tree = await temporaryFolder('waymark-tree-');
    const url = `${service.url.replace('//', `//git:${service.admin}@`)}/git/${ORG}.git`;
    await runGit(tree, ['clone', '-q', url, '.']);
    await runGit(tree, ['commit', '-q', '--allow-empty', '-m', 'Pushed here']);
    await runGit(tree, ['push', '-q', 'origin', 'HEAD:refs/heads/from-here']);
    const pushed = await runGit(tree, ['rev-parse', 'HEAD']);

    const body = { title: 'From here', source: 'from-here' };
    const answer = await api<ShownChange>('/change-requests', { body });

    expect(answer.status, answer.text).toBe(201);
    expect(answer.body.data).toMatchObject({ source: 'waymark/from-here', head: pushed });
    expect(await upstream.git('rev-parse', 'waymark/from-here')).toBe(pushed);
  });

  it.each([
    ['PUT', '', { title: 'Other' }],
    ['POST', '/merge', { method: 'merge' }],
    ['POST', '/close', {}],
    ['POST', '/reviews', { verdict: 'commented', head: '1'.repeat(40) }],
  ])('leaves it to the upstream to go on: %s %s', async (method, path, body) => {
    const answer = await api(`/change-requests/${number}${path}`, { method, body });

    expect(answer.status).toBe(422);
    expect(answer.body.error).toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      details: { url: `https://provider.example/team/registry/pulls/${number}` },
    });
  });

  it('lists the pull requests, filtered and sorted as any list', async () => {
    provider.pulls.push(
      makePull({ number: 30, title: 'A fork', branch: 'theirs', head: '3'.repeat(40) }),
      makePull({ number: 31, title: 'Closed', branch: 'closed', state: 'closed' }),
    );
    const list = (query: string) => api<ShownChange[]>(`/change-requests?${query}`);
    await sync();
    const numbers = async (query: string) =>
      (await list(query)).body.data.map((request) => request.number);

    await expect.poll(() => numbers('sort=number'), within).toEqual([1, 2, 30, 31]);

    const open = encodeURIComponent('{"status":"open"}');
    expect(await numbers(`filter=${open}&sort=-number`)).toEqual([30, 2, 1]);
  });

  it('shows one of a fork without the checks of commits that are not here', async () => {
    const shown = await api<ShownChange>('/change-requests/30');
    const diff = await api('/change-requests/30/diff');

    expect(shown.body.data).toMatchObject({ title: 'A fork', checks: [], mergeable: false });
    expect([diff.status, diff.body.error.code]).toEqual([409, 'RES_STATE_CONFLICT']);
  });

  it('serves the change once it was merged over there', async () => {
    await upstream.git('update-ref', 'refs/heads/main', head);
    const merged = {
      state: 'merged' as const,
      mergeCommit: head,
      updatedAt: '2026-03-09T00:00:00Z',
    };
    Object.assign(provider.pulls[0]!, merged);

    await sync();

    expect(await served()).toBe(head);
    const status = async () =>
      (await api<ShownChange>(`/change-requests/${number}`)).body.data.status;
    await expect.poll(status, within).toBe('merged');
  });

  it('has a release that is made here at its upstream too', async () => {
    const made = await api('/components/sales/versions', { body: { version: '2.0.0' } });
    expect(made.status, made.text).toBe(201);

    await sync();

    const tags = () => upstream.git('tag', '--list');
    await expect.poll(tags, within).toBe('sales--v2.0.0');
  });

  it('shows people why something could not be written there', async () => {
    await put('api-token', 'another-token');
    await sync();

    const error = async () => {
      const { body } = await api<{ lastWriteError: unknown }>('/upstream');
      return body.data.lastWriteError;
    };
    await expect.poll(error, within).toMatchObject({
      what: 'status',
      reason: 'credentials-refused',
    });
    const refused = await api('/changes', {
      body: { ...edit(plugin('version: 3.0.0')), base: head },
    });
    expect(refused.body.error).toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      details: { reason: 'credentials-refused' },
    });
  });

  it('tells no secret of it to anyone', async () => {
    const answers = await Promise.all(
      ['/upstream', '/secrets', '/change-requests', '/audit'].map((path) => api<unknown>(path)),
    );

    const said = answers.map(({ text }) => text).join('\n') + JSON.stringify(service.logged);
    for (const secret of [provider.token, 'hook-secret', login.password]) {
      expect(said).not.toContain(secret);
    }
  });
});

describe('a mirror without a provider', () => {
  it('refuses an edit with that as the reason', async () => {
    const body = {
      slug: 'plain',
      mode: 'mirror',
      upstream: { url: backend.url, credentials: { secretRef: 'upstream', username: 'waymark' } },
    };
    await api('/orgs', { body }, '*');
    const asPlain = (path: string, asked: Asked) => api(path, asked, 'plain');
    await asPlain('/secrets/upstream', { method: 'PUT', body: { value: login.password } });
    await asPlain('/upstream/sync', { body: {} });

    const path = 'plugins/sales/plugin.yaml';
    const operations = [{ op: 'upsert', path, content: plugin('', 'Other') }];
    const answer = await asPlain('/changes', {
      body: { base: head, message: 'Other', operations },
    });

    expect(answer.status, answer.text).toBe(422);
    expect(answer.body.error).toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      details: { reason: 'no-provider' },
    });
  });
});
