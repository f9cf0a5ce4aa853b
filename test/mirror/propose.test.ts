import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { composeEdit } from '../../src/changes/edit.ts';
import { proposeUpstream } from '../../src/mirror/propose.ts';
import { openProvider } from '../../src/mirror/provider/open.ts';
import { followPullRequests, requestOf } from '../../src/mirror/pull-requests.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror, takePushes } from '../support/mirror.ts';
import { makePull, type ProviderServer, startProvider } from '../support/provider-server.ts';
import { makeProvider } from '../support/records.ts';
import { plugin, skill, smallRegistry } from '../support/registry.ts';

const login = { username: 'waymark', password: 'the-password' };

let upstream: TestRepository;
let server: HttpBackend;
let provider: ProviderServer;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  await takePushes(upstream);
  server = await serveHttpBackend(upstream.path);
  server.login = login;
  provider = await startProvider('github');
  provider.headOf = (branch) => upstream.git('rev-parse', `refs/heads/${branch}`);
  const { apiUrl } = provider;
  test = await openMirror({
    url: server.url,
    username: 'waymark',
    secretRef: 'upstream',
    provider: makeProvider({ apiUrl, project: 'team/registry' }),
  });
  await test.putSecret('upstream', login.password);
  await test.putSecret('api-token', provider.token);
  await test.sync();
});

afterEach(async () => {
  await test.close();
  await server.close();
  await provider.close();
  await upstream.remove();
  expect(provider.faults).toEqual([]);
});

/** A commit upon `main` that no ref holds; the same edit is another commit a minute later. */
function edit(title = 'Better'): Promise<string> {
  test.org.nowMs += 60_000;
  const { runtime } = test.org;
  const by = { runtime, clock: test.deps.clock, actor: 'user:ada' };
  const path = 'plugins/sales/plugin.yaml';
  const operations = [{ op: 'upsert', path, content: plugin('', title) }] as const;
  return composeEdit(by, { base: upstream.head, message: 'Better', operations });
}

const propose = (head: string, more: { source?: string; target?: string; draft?: boolean } = {}) =>
  proposeUpstream(test.deps)(
    { runtime: test.org.runtime, clock: test.deps.clock, actor: 'user:ada', requestId: 'r-1' },
    {
      title: 'Better',
      description: 'For large deals.',
      source: null,
      target: 'main',
      draft: false,
      head,
      ...more,
    },
  );
const branches = async () =>
  (await upstream.git('for-each-ref', '--format=%(refname:short)', 'refs/heads/')).split('\n');
const refuse = (operation: string, status: number, times = Number.POSITIVE_INFINITY) => {
  let left = times;
  provider.intercept = (asked, response) => {
    if (asked !== operation || left-- <= 0) return false;
    response.writeHead(status).end('{}');
    return true;
  };
};

describe('proposeUpstream', () => {
  it('opens a pull request for an edit, on a branch of its own', async () => {
    const head = await edit();

    const request = await propose(head);

    expect(request).toMatchObject({
      number: 1,
      title: 'Better',
      source: expect.stringMatching(/^waymark\/[0-9a-f]{16}$/),
      target: 'main',
      author: 'upstream:waymark-bot',
      head,
      status: 'open',
      url: 'https://provider.example/team/registry/pulls/1',
    });
    expect(await upstream.git('rev-parse', request.source)).toBe(head);
    expect(provider.pulls).toMatchObject([
      {
        branch: request.source,
        base: 'main',
        body: 'For large deals.\n\nProposed by user:ada through Waymark.',
      },
    ]);
  });

  it('opens one for a branch that was pushed here, under a name of its own', async () => {
    const head = await edit();

    const request = await propose(head, { source: 'say-how', draft: true });

    expect(request).toMatchObject({ source: 'waymark/say-how', status: 'draft', head });
    expect(await branches()).toEqual(['main', 'waymark/say-how']);
  });

  it('writes to no branch of the upstream, which it could forward', async () => {
    await upstream.git('branch', 'production', upstream.head);

    await propose(await edit(), { source: 'production' });

    expect(await upstream.git('rev-parse', 'production')).toBe(upstream.head);
    expect(await branches()).toEqual(['main', 'production', 'waymark/production']);
  });

  it('brings a branch up that has one already', async () => {
    const first = await propose(await edit('One'), { source: 'say-how' });
    const next = await test.org.repository.commit(
      { 'plugins/ops/skills/page.yaml': skill('page') },
      { branch: 'next', from: first.head },
    );

    const again = await propose(next, { source: 'say-how' });

    expect(again).toMatchObject({ number: first.number, head: next, version: 2 });
    expect(await upstream.git('rev-parse', 'waymark/say-how')).toBe(next);
    expect(provider.pulls).toHaveLength(1);
  });

  it('writes who proposed what into the audit log', async () => {
    const request = await propose(await edit());

    const entries = await test.org.stores.audit.list('acme', 0, 100);

    expect(entries).toContainEqual(
      expect.objectContaining({
        actor: 'user:ada',
        action: 'change.propose',
        resource: 'change-requests/1',
        after: { source: request.source, head: request.head, url: request.url },
        requestId: 'r-1',
      }),
    );
  });

  it('is one request however often the same edit is proposed', async () => {
    const first = await propose(await edit());

    const again = await propose(await edit());

    expect(again).toEqual(first);
    expect(provider.pulls).toHaveLength(1);
    expect(await branches()).toHaveLength(2);
  });

  it('finds the one whose opening was answered with nothing', async () => {
    const head = await edit();
    provider.intercept = (operation, response) => {
      if (operation !== 'open') return false;
      provider.pulls.push(makePull({ branch: 'waymark/lost', head }));
      response.destroy();
      return true;
    };

    const request = await propose(head, { source: 'lost' });

    expect(request.number).toBe(1);
    expect(provider.asked).toEqual(['list', 'open', 'list']);
  });

  it('goes on where an earlier try had pushed the branch alone', async () => {
    refuse('open', 503);
    const failed = propose(await edit());
    await expect(failed).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect(await branches()).toHaveLength(2);
    provider.intercept = () => false;

    const request = await propose(await edit());

    expect(request.number).toBe(1);
    expect(await branches()).toHaveLength(2);
  });

  it('is refused with the reason where no provider has a token', async () => {
    await test.close();
    test = await openMirror({ url: server.url });

    await expect(propose('1'.repeat(40))).rejects.toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      facts: { details: { reason: 'no-provider' } },
    });
  });

  it('is refused with the reason where the token may not, and leaves no branch', async () => {
    refuse('open', 403);

    const proposed = propose(await edit());

    await expect(proposed).rejects.toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      facts: { details: { reason: 'credentials-refused' } },
    });
    expect(await branches()).toEqual(['main']);
  });

  it('is refused with the reason where git may not push', async () => {
    await upstream.git('config', 'http.receivepack', 'false');

    const proposed = propose(await edit());

    await expect(proposed).rejects.toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      facts: { details: { reason: 'credentials-refused' } },
    });
    expect(provider.pulls).toEqual([]);
  });

  it('is refused for a branch that the upstream has otherwise', async () => {
    await upstream.commit(
      { 'plugins/ops/skills/page.yaml': skill('page') },
      { branch: 'waymark/taken', from: upstream.head },
    );

    await expect(propose(await edit(), { source: 'taken' })).rejects.toMatchObject({
      code: 'REG_MIRROR_READ_ONLY',
      facts: { details: { reason: 'push-refused' } },
    });
  });

  it.each([{ source: 'main' }, { target: 'trunk' }])('is refused for %j', async (more) => {
    await expect(propose(await edit(), more)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('may go better later when the provider is away', async () => {
    refuse('list', 503);

    await expect(propose(await edit())).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      facts: { details: { reason: 'failed' } },
    });
  });
});

describe('followPullRequests', () => {
  const follow = () => followPullRequests('acme', test.deps);
  const requests = async () =>
    (await test.org.stores.changeRequests.list('acme', { sort: [], page: 1, pageSize: 100 })).items;

  it('makes the change requests what the pull requests are', async () => {
    const { number } = await propose(await edit());
    Object.assign(provider.pulls[0]!, { state: 'merged', updatedAt: '2026-03-05T00:00:00Z' });

    await follow();

    expect(await requests()).toMatchObject([{ number, status: 'merged', version: 2 }]);
  });

  it('leaves out those into other branches, and what no database takes', async () => {
    await propose(await edit());
    const [pull] = provider.pulls;
    provider.pulls.push(
      { ...pull!, number: 2, base: 'other' },
      { ...pull!, number: 3, title: `a\0b${'x'.repeat(300)}` },
    );

    await follow();

    const [one, three] = await requests();
    expect([one?.number, three?.number]).toEqual([1, 3]);
    expect(three?.title).toMatch(/^abx{198}$/);
  });

  it('takes for an address only what a browser may be sent to', async () => {
    await propose(await edit());
    const [pull] = await (await openProvider(await test.upstream(), test.deps))!.listPullRequests();

    const urls = ['https://a.example/1', 'javascript:alert(1)'].map(
      (url) => requestOf({ org: 'acme' }, { ...pull!, url }).url,
    );

    expect(urls).toEqual(['https://a.example/1', null]);
  });

  it('is done without effect where the token may not read', async () => {
    refuse('list', 403);

    await follow();

    expect(await requests()).toEqual([]);
    expect(test.org.logged).toContain('pull requests cannot be read');
  });

  it('is tried again when the provider is away', async () => {
    refuse('list', 502);

    await expect(follow()).rejects.toMatchObject({ reason: 'failed' });
  });
});
