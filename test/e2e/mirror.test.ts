import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShownUpstream } from '../../src/mirror/configure.ts';
import { type Asked, ask } from '../support/app.ts';
import { runGit } from '../support/git.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { openSite, push, type Site } from '../support/site.ts';

const MIRROR = 'copy';
const CANARY = 'mirror-canary';

/** Two servers: the registry lives on one, and the other follows it for clients of its own. */
let origin: Site;
let follower: RunningServer;
let readerKey: string;

beforeAll(async () => {
  origin = await openSite();
  const env = { WAYMARK_EXAMPLE_ORG: '', WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' };
  follower = await startServer({ env });
  readerKey = await origin.keyOf('--role', 'viewer');
});

afterAll(async () => {
  await follower.stop();
  await origin.close();
});

const api = <T>(path: string, asked: Asked = {}) =>
  ask<{ data: T }>(`${follower.url}/api/v1${path}`, {
    token: follower.adminKey,
    headers: { 'x-waymark-org': MIRROR },
    ...asked,
  });

async function index(): Promise<{ commit: string; plugins: Record<string, unknown> }> {
  const path = `/v1/orgs/${MIRROR}/delivery/index?channel=rolling`;
  const answer = await ask<{ commit: string; plugins: Record<string, unknown> }>(
    follower.url + path,
    { token: follower.adminKey },
  );
  return answer.body;
}

describe('a registry that lives on another server', () => {
  it('waits for the secret that its upstream needs', async () => {
    const url = `${origin.server.url}/git/${origin.org}.git`;
    const credentials = { secretRef: 'origin', username: CANARY };
    const body = { slug: MIRROR, mode: 'mirror', upstream: { url, credentials } };

    const made = await api('/orgs', { body, headers: { 'x-waymark-org': '*' } });
    expect(made.status, made.text).toBe(201);
    const answer = await api<unknown>('/upstream/sync', { body: {} });

    expect(answer.status).toBe(502);
    expect(answer.text).toContain('secret-missing');
  });

  it('is refused by a key that the origin does not know', async () => {
    await api('/secrets/origin', { method: 'PUT', body: { value: `${readerKey}x` } });

    const answer = await api('/upstream/sync', { body: {} });

    expect(answer.status).toBe(502);
    expect(answer.text).toContain('credentials-refused');
  });

  it('is served here once the key is right', async () => {
    await api('/secrets/origin', { method: 'PUT', body: { value: readerKey } });

    const answer = await api<ShownUpstream>('/upstream/sync', { body: {} });

    expect(answer.status, answer.text).toBe(200);
    const { commit, plugins } = await index();
    expect(commit).toBe(answer.body.data.head);
    expect(Object.keys(plugins)).toContain('sales');
  });

  it('brings a change that was pushed there to the clients here', async () => {
    const author = await origin.person(await origin.keyOf('--role', 'publisher'));
    const tree = author.path('tree');
    await runGit(author.dir, ['clone', '-q', origin.gitUrl(origin.server.adminKey), tree]);
    await push(tree, { 'plugins/sales/README.md': 'Changed over there.\n' });
    const head = await runGit(tree, ['rev-parse', 'HEAD']);

    await api('/upstream/sync', { body: {} });

    expect((await index()).commit).toBe(head);
  });

  it('stays served when the origin is gone', async () => {
    const { commit } = await index();
    await origin.server.kill('SIGKILL');

    const answer = await api('/upstream/sync', { body: {} });

    expect(answer.status).toBe(502);
    expect(answer.text).toContain('unreachable');
    expect((await index()).commit).toBe(commit);
  });

  it('leaves the secret out of every answer and log', async () => {
    const answers = await Promise.all(
      ['/upstream', '/secrets', '/orgs/copy'].map((path) => api<unknown>(path)),
    );

    const said = answers.map(({ text }) => text).join('\n');
    expect(said).toContain('origin');
    expect(said + follower.log()).not.toContain(readerKey);
  });
});
