import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BoundService, openBound, type TestIntegration } from '../../../support/builtins.ts';
import { makePull, type ProviderServer, startProvider } from '../../../support/provider-server.ts';

const KINDS = ['github', 'gitlab', 'gitea'] as const;
type Kind = (typeof KINDS)[number];

const COMMIT = '5'.repeat(40);
const servers = new Map<Kind, ProviderServer>();
let bound: BoundService;

beforeAll(async () => {
  const integrations: Record<string, TestIntegration> = {};
  for (const kind of KINDS) {
    const server = await startProvider(kind);
    servers.set(kind, server);
    const endpoint = new URL(server.apiUrl).origin;
    const config = { endpoint, repository: 'team/registry' };
    const type = `scm.${kind}`;
    integrations[kind] = { type, config, credentials: { token: server.token } };
    integrations[`${kind}-stranger`] = { type, config, credentials: { token: 'another' } };
    integrations[`${kind}-nobody`] = { type, config };
    const terms = { timeoutSec: 10, customHeaders: { 'X-Team': 'red' } };
    const retryPolicy = { maxAttempts: 2, delaySec: 0 };
    integrations[`${kind}-patient`] = {
      ...integrations[kind],
      type,
      config: { ...config, ...terms, retryPolicy },
    };
  }
  bound = await openBound({ integrations });
});
afterAll(async () => {
  await bound?.close();
  for (const server of servers.values()) await server.close();
});

describe.each(KINDS)('scm.%s', (kind) => {
  let server: ProviderServer;

  beforeEach(() => {
    server = servers.get(kind)!;
    server.pulls = [];
    server.statuses = [];
    server.asked = [];
    server.intercept = () => false;
    bound.service.advance(60_000);
  });
  afterEach(() => expect(server.faults).toEqual([]));

  const run = <T = unknown>(operation: string, params: object) =>
    bound.run<T>(kind, operation, params);

  describe('commitStatus.set', () => {
    const status = { commit: COMMIT, state: 'failure', context: 'waymark/validate' };

    it('shows what was found beside the commit', async () => {
      const targetUrl = 'https://waymark.example/checks/1';

      await run('commitStatus.set', { ...status, description: 'title is missing', targetUrl });

      expect(server.statuses).toEqual([
        {
          commit: COMMIT,
          state: kind === 'gitlab' ? 'failed' : 'failure',
          name: 'waymark/validate',
          description: 'title is missing',
          targetUrl,
        },
      ]);
    });

    it('again is as once', async () => {
      await run('commitStatus.set', status);

      expect(await run('commitStatus.set', status)).toEqual({});
    });

    it.each([
      { commit: 'main' },
      { commit: '../../../user' },
      { state: 'error' },
      { context: ' ' },
      { targetUrl: 'javascript:alert(1)' },
      { description: 7 },
    ])('refuses %j', async (wrong) => {
      await expect(run('commitStatus.set', { ...status, ...wrong })).rejects.toMatchObject({
        code: 'VAL_FAILED',
      });
      expect(server.asked).toEqual([]);
    });
  });

  describe('pullRequest.open', () => {
    const wanted = { source: 'say-how', target: 'main', title: 'Say how', description: 'Why.' };

    it('gives the one that it opened', async () => {
      expect(await run('pullRequest.open', wanted)).toMatchObject({
        number: 1,
        title: 'Say how',
        description: 'Why.',
        source: 'say-how',
        target: 'main',
        status: 'open',
        url: 'https://provider.example/team/registry/pulls/1',
      });
    });

    it('gives the same where it is asked again', async () => {
      await run('pullRequest.open', wanted);

      expect(await run('pullRequest.open', wanted)).toMatchObject({ number: 1 });
      expect(server.pulls).toHaveLength(1);
    });

    it('opens a draft', async () => {
      const opened = await run('pullRequest.open', { ...wanted, isDraft: true });

      expect(opened).toMatchObject({ status: 'draft' });
    });

    it('needs branches and a title', async () => {
      for (const field of ['source', 'target', 'title']) {
        const params = { ...wanted, [field]: undefined };
        await expect(run('pullRequest.open', params)).rejects.toMatchObject({
          code: 'VAL_FAILED',
        });
      }
      expect(server.asked).toEqual([]);
    });
  });

  describe('pullRequest.get', () => {
    it('gives one by its number', async () => {
      const mergeCommit = '6'.repeat(40);
      server.pulls.push(makePull({ number: 7, state: 'merged', mergeCommit }));

      const found = await run('pullRequest.get', { number: 7 });

      expect(found).toMatchObject({ number: 7, status: 'merged', mergeCommit });
    });

    it('tells of one that is not there', async () => {
      await expect(run('pullRequest.get', { number: 8 })).rejects.toMatchObject({
        code: 'INT_UPSTREAM_FAILED',
        details: { reason: 'not-found', status: 404 },
        isRetryable: false,
      });
    });

    it.each([0, 1.5, '1', undefined])('refuses the number %j', async (number) => {
      await expect(run('pullRequest.get', { number })).rejects.toMatchObject({
        code: 'VAL_FAILED',
      });
    });
  });

  describe('discover', () => {
    const branches = [
      { name: 'main', commit: '1'.repeat(40) },
      { name: 'feature/main-page', commit: '2'.repeat(40) },
      { name: 'other', commit: '3'.repeat(40) },
    ];

    it('finds branches', async () => {
      server.branches = branches;

      expect(await bound.discover(kind, 'branch', { query: 'main' })).toEqual([
        {
          id: 'main',
          name: 'main',
          type: 'branch',
          metadata: { commit: '1'.repeat(40), isProtected: true },
        },
        {
          id: 'feature/main-page',
          name: 'feature/main-page',
          type: 'branch',
          metadata: { commit: '2'.repeat(40), isProtected: false },
        },
      ]);
    });

    it('asks again what the retry policy says', async () => {
      server.branches = branches;
      const answers = [true, false];
      server.intercept = (_, response) => {
        const isBusy = answers.shift() ?? false;
        if (isBusy) response.writeHead(503).end();
        return isBusy;
      };

      expect(await bound.discover(`${kind}-patient`, 'branch')).toHaveLength(3);
      expect(answers).toEqual([]);
    });

    it('finds tags', async () => {
      server.tags = [{ name: 'sales--v1.0.0', commit: COMMIT }];

      expect(await bound.discover(kind, 'tag')).toEqual([
        { id: 'sales--v1.0.0', name: 'sales--v1.0.0', type: 'tag', metadata: { commit: COMMIT } },
      ]);
    });

    it('finds repositories', async () => {
      server.repositories = ['team/registry', 'team/site'];

      expect(await bound.discover(kind, 'repository', { query: 'site' })).toEqual([
        {
          id: 'team/site',
          name: 'team/site',
          type: 'repository',
          metadata: { url: 'https://provider.example/team/site', defaultBranch: 'main' },
        },
      ]);
    });

    it('finds pull requests', async () => {
      server.pulls = [makePull({ number: 1, title: 'One' }), makePull({ number: 2, title: 'Two' })];

      expect(await bound.discover(kind, 'pullRequest', { query: 'two' })).toMatchObject([
        {
          id: '2',
          name: 'Two',
          type: 'pullRequest',
          metadata: { status: 'open', source: 'stored' },
        },
      ]);
    });

    it('goes on page by page', async () => {
      server.tags = Array.from({ length: 51 }, (_, i) => ({ name: `v${i}`, commit: COMMIT }));

      expect(await bound.discover(kind, 'tag')).toHaveLength(50);
      expect(await bound.discover(kind, 'tag', { page: 2 })).toMatchObject([{ id: 'v50' }]);
      expect(await bound.discover(kind, 'tag', { page: 3 })).toEqual([]);
    });
  });

  describe('test and health', () => {
    it('look at the repository', async () => {
      expect(await bound.test(kind)).toEqual({
        ok: true,
        checks: [{ name: 'repository', ok: true, message: 'team/registry' }],
      });
      expect(await bound.health(kind)).toMatchObject({ status: 'healthy' });
    });

    it.each(['stranger', 'nobody'])('say that the token is not known: %s', async (who) => {
      expect(await bound.test(`${kind}-${who}`)).toMatchObject({
        ok: false,
        checks: [{ name: 'repository', ok: false, message: expect.stringContaining('token') }],
      });
      // Who has no token sends none.
      const header = /header/;
      server.faults = server.faults.filter((fault) => who === 'stranger' || !header.test(fault));
    });

    it('say that it is down', async () => {
      server.intercept = (_operation, response) => {
        response.writeHead(503).end();
        return true;
      };

      expect(await bound.health(kind)).toMatchObject({
        status: 'unhealthy',
        message: 'repository: the provider: it answered 503',
      });
    });
  });
});

describe('the endpoint', () => {
  const check = (kind: Kind, endpoint: string) =>
    bound.service.plugins.checkConfig(
      'tools',
      kind,
      'integration',
      { endpoint, repository: 'team/registry' },
      `scm.${kind}`,
    );

  it.each([
    ['github', 'https://api.github.com'],
    ['github', 'https://github.example.com/api/v3'],
    ['gitlab', 'https://gitlab.com'],
    ['gitea', 'https://gitea.example.com/git'],
  ] as const)('of %s may be %s', async (kind, endpoint) => {
    expect(await check(kind, endpoint)).toMatchObject({ isValid: true });
  });

  it.each([
    ['github', 'https://github.com'],
    ['gitlab', 'https://ada:secret@gitlab.com'],
    ['gitea', 'https://gitea.example.com/?a=b'],
  ] as const)('of %s is not %s', async (kind, endpoint) => {
    expect(await check(kind, endpoint)).toMatchObject({
      isValid: false,
      errors: [{ field: '/endpoint' }],
    });
  });
});
