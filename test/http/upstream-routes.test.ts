import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ShownUpstream } from '../../src/mirror/configure.ts';
import { type Asked, ask, type Refused } from '../support/app.ts';
import {
  gitOutput,
  makeRepository,
  runGit,
  type TestRepository,
  temporaryFolder,
} from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { plugin, skill, smallRegistry } from '../support/registry.ts';
import { openService, type TestService } from '../support/service.ts';

let service: TestService;
let upstream: TestRepository;
let backend: HttpBackend;
let mirrors = 0;
/** The mirror of the test that runs. */
let org: string;

beforeAll(async () => {
  service = await openService(undefined, { WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' });
  upstream = await makeRepository(smallRegistry());
  backend = await serveHttpBackend(upstream.path);
});

afterAll(async () => {
  await service.close();
  await backend.close();
  await upstream.remove();
});

type Answer = { data: ShownUpstream } & Refused;

/** A path below `/api/v1`, as a site admin who works in the org. */
const api = <T = Answer>(path: string, asked: Asked = {}, slug = org) =>
  ask<T>(`${service.url}/api/v1${path}`, {
    token: service.admin,
    headers: { 'x-waymark-org': slug },
    ...asked,
  });

const create = (body: Record<string, unknown>) => api('/orgs', { body }, '*');
const sync = () => api('/upstream/sync', { body: {} });

async function openMirror(more: Record<string, unknown> = {}): Promise<void> {
  mirrors += 1;
  org = `mirror-${mirrors}`;
  const answer = await create({
    slug: org,
    mode: 'mirror',
    upstream: { url: backend.url, ...more },
  });
  expect(answer.status, answer.text).toBe(201);
}

async function indexCommit(): Promise<string | undefined> {
  const url = `${service.url}/v1/orgs/${org}/delivery/index?channel=rolling`;
  return (await ask<{ commit?: string }>(url, { token: service.admin })).body.commit;
}

describe('POST /api/v1/orgs with mode mirror', () => {
  it('follows its upstream at once, without being asked', async () => {
    await openMirror();

    await expect.poll(indexCommit).toBe(upstream.head);
  });

  it.each([
    ['file:///etc', 'protocol'],
    ['ext::sh -c id', 'protocol'],
    ['git://git.example/r', 'protocol'],
    ['https://user:word@1.1.1.1/r', 'credentials'],
    ['https://10.0.0.1/r', 'host'],
    ['https://0x7f.0.0.2/r', 'host'],
    ['https://[::1]/r', 'host'],
    ['ssh://-oProxyCommand=id/r', 'host'],
    ['http://1.1.1.1/r', 'protocol'],
  ])('is 422 for %s', async (url, reason) => {
    const answer = await create({ slug: 'refused', mode: 'mirror', upstream: { url } });

    expect(answer.status).toBe(422);
    expect(answer.body.error).toMatchObject({ code: 'UPSTREAM_REFUSED', details: { reason } });
    expect((await api('/orgs/refused', {}, '*')).status).toBe(404);
  });

  it.each([
    [{ mode: 'mirror' }, 'upstream'],
    [{ mode: 'hosted', upstream: { url: 'https://1.1.1.1/r' } }, 'upstream'],
    [{ mode: 'mirror', initial: 'template', upstream: { url: 'https://1.1.1.1/r' } }, 'initial'],
    [{ mode: 'mirror', upstream: {} }, 'upstream.url'],
    [{ mode: 'mirror', upstream: { url: 'https://1.1.1.1/r', token: 'x' } }, 'upstream.token'],
  ])('is 400 for %j', async (body, field) => {
    const answer = await create({ slug: 'refused', ...body });

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field }]);
  });
});

describe('GET /api/v1/upstream', () => {
  it('shows settings, status and conditions', async () => {
    await openMirror({ branch: 'main' });
    await sync();

    const { body } = await api('/upstream');

    expect(body.data).toEqual({
      url: backend.url,
      branch: 'main',
      credentials: null,
      knownHosts: null,
      provider: null,
      version: 1,
      head: upstream.head,
      lastAttemptAt: expect.stringMatching(/Z$/),
      lastSuccessAt: expect.stringMatching(/Z$/),
      lastError: null,
      lastWriteError: null,
      conditions: [],
    });
  });

  it('is 404 for a hosted organisation', async () => {
    await create({ slug: 'hosted', initial: 'empty' });

    const answers = [
      await api('/upstream', {}, 'hosted'),
      await api('/upstream', { method: 'PUT', body: {} }, 'hosted'),
      await api('/upstream/sync', { body: {} }, 'hosted'),
    ];

    expect(answers.map(({ body }) => body.error.code)).toEqual(Array(3).fill('RES_NOT_FOUND'));
  });
});

describe('PUT /api/v1/upstream', () => {
  beforeEach(() => openMirror());
  const put = (body: unknown, headers = {}) =>
    api('/upstream', { method: 'PUT', body, headers: { 'x-waymark-org': org, ...headers } });

  it('changes what is given, and looks at it', async () => {
    const trunk = await upstream.commit(
      { [`plugins/ops/skills/${org}.yaml`]: skill('trunk') },
      { branch: 'trunk', from: upstream.head },
    );

    const answer = await put({ branch: 'trunk' });

    expect(answer.body.data).toMatchObject({ url: backend.url, branch: 'trunk', version: 2 });
    await expect.poll(indexCommit).toBe(trunk);
  });

  it('names the secret to use, and null takes it away', async () => {
    const credentials = { secretRef: 'token', username: 'ada' };

    expect((await put({ credentials })).body.data.credentials).toEqual(credentials);
    expect((await put({ branch: 'main' })).body.data.credentials).toEqual(credentials);
    expect((await put({ credentials: null })).body.data.credentials).toBeNull();
  });

  it('is 409 over a version that the caller has not seen', async () => {
    await put({ branch: 'main' }, { 'if-match': '"1"' });

    const answer = await put({ branch: 'trunk' }, { 'if-match': '"1"' });

    expect([answer.status, answer.body.error.code]).toEqual([409, 'RES_VERSION_CONFLICT']);
  });

  it('is 422 for an address that is not used, and changes nothing', async () => {
    const answer = await put({ url: 'https://192.168.0.1/r' });

    expect(answer.status).toBe(422);
    expect((await api('/upstream')).body.data.url).toBe(backend.url);
  });
});

describe('POST /api/v1/upstream/sync', () => {
  beforeEach(() => openMirror());

  it('answers once what is new is served', async () => {
    const head = await upstream.commit({ [`plugins/ops/skills/${org}.yaml`]: skill('new') });

    const answer = await sync();

    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({ head, lastError: null });
    expect(await indexCommit()).toBe(head);
  });

  it('is 502 with the reason when the upstream gives nothing', async () => {
    await sync();
    backend.intercept = (_request, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      return true;
    };
    try {
      const answer = await sync();

      expect(answer.status).toBe(502);
      expect(answer.body.error).toMatchObject({
        code: 'UPSTREAM_FAILED',
        details: { reason: 'redirected' },
      });
    } finally {
      backend.intercept = () => false;
    }
    expect((await api('/upstream')).body.data.lastError?.reason).toBe('redirected');
    expect(await indexCommit()).toBe(upstream.head);
  });
});

describe('a force-push upstream', () => {
  it('waits for an administrator, who lets it through', async () => {
    await openMirror();
    await sync();
    const before = upstream.head;
    const parent = await upstream.git('rev-parse', 'main^').catch(() => before);
    const files = { 'plugins/sales/plugin.yaml': plugin('', `Rewritten for ${org}`) };
    if (parent === before) await upstream.commit({ 'plugins/ops/skills/x.yaml': skill('x') });
    await sync();
    const rewritten = await upstream.commit(files, { from: parent });

    const [condition] = (await sync()).body.data.conditions;

    expect(condition).toMatchObject({ kind: 'force-push', new: rewritten });
    expect(await indexCommit()).not.toBe(rewritten);
    const ready = await ask<{ degraded: string[] }>(`${service.url}/readyz`);
    expect(JSON.stringify(ready.body)).toMatch(/mirror/);

    const accepted = await api(`/upstream/conditions/${condition!.id}/accept`, { body: {} });
    expect(accepted.status, accepted.text).toBe(200);
    await expect.poll(indexCommit).toBe(rewritten);
    expect((await sync()).body.data.conditions).toEqual([]);
  });
});

describe('main of a mirror', () => {
  let tree: string;

  beforeEach(async () => {
    await openMirror();
    await sync();
    tree = await temporaryFolder('waymark-tree-');
    const url = `${service.url.replace('//', `//git:${service.admin}@`)}/git/${org}.git`;
    await runGit(tree, ['clone', '-q', url, '.']);
    return () => rm(tree, { recursive: true, force: true });
  });

  it('cannot be pushed to, and git says why', async () => {
    await runGit(tree, ['commit', '-q', '--allow-empty', '-m', 'Mine']);

    const push = gitOutput(tree, ['push', 'origin', 'HEAD:main']);

    await expect(push).rejects.toThrow(
      'REG_MIRROR_READ_ONLY: main follows an upstream repository: change it there',
    );
    expect(await indexCommit()).toBe(upstream.head);
  });

  it('takes no commit through the API', async () => {
    await api('/components/sales/versions', { body: { version: `9.0.${mirrors}` } });

    const path = `/components/sales/versions/9.0.${mirrors}/yank`;
    const answer = await api(path, { body: { reason: 'It is wrong.' } });

    expect([answer.status, answer.body.error.code]).toEqual([422, 'REG_MIRROR_READ_ONLY']);
  });

  it('may be released from here', async () => {
    const body = { version: `8.0.${mirrors}` };

    const answer = await api('/components/sales/versions', { body });

    expect(answer.status, answer.text).toBe(201);
    expect((await sync()).body.data.conditions).toEqual([]);
  });

  it('shows no ref of the upstream to its clones', async () => {
    const refs = await runGit(tree, ['ls-remote', 'origin']);

    expect(refs).toContain('refs/heads/main');
    expect(refs).not.toContain('refs/upstream');
  });
});

describe('an organisation that is removed', () => {
  it('is not followed any more', async () => {
    await openMirror();
    await sync();
    const loggedBefore = service.logged.length;

    const answer = await api(`/orgs/${org}`, { method: 'DELETE' }, '*');

    expect(answer.status).toBe(204);
    expect((await sync()).status).toBe(404);
    expect(service.logged.slice(loggedBefore)).toEqual([]);
  });
});
