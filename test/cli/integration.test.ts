import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';

let api: FakeApi;
let client: TestClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = await makeClient({ WAYMARK_URL: api.url, WAYMARK_TOKEN: 'wmk_1_s' });
});
afterEach(async () => {
  await client.remove();
  await api.close();
});

const run = (...args: string[]) => client.run('integration', ...args);

const forge = {
  id: 'forge',
  type: 'scm.gitea',
  enabled: true,
  config: { endpoint: 'https://gitea.example.com', timeoutSec: 5 },
  credentials: { token: '***' },
  healthStatus: 'unhealthy',
  lastHealthCheck: '2026-11-21T06:53:57.831Z',
  lastHealthMessage: 'token: it answers 401',
};

describe('waymark integration list', () => {
  it('shows how each was found', async () => {
    const chat = { ...forge, id: 'chat', enabled: false, lastHealthCheck: null };
    api.routes['GET /integrations'] = [200, success([forge, chat])];

    expect((await run('list')).stdout).toBe(
      'INTEGRATION  TYPE       IS   HEALTH     CHECKED\n' +
        'forge        scm.gitea  on   unhealthy  2026-11-21T06:53:57.831Z\n' +
        'chat         scm.gitea  off  unhealthy  never\n',
    );
  });
});

describe('waymark integration types', () => {
  it('names the plugin of each, and what it finds', async () => {
    const resourceTypes = ['branch', 'tag'];
    const gitea = { id: 'scm.gitea', pluginId: 'gitea', displayName: 'Gitea', resourceTypes };
    api.routes['GET /integration-types'] = [200, success([gitea])];

    expect((await run('types')).stdout).toBe(
      'TYPE       NAME   PLUGIN  FINDS\nscm.gitea  Gitea  gitea   branch, tag\n',
    );
  });
});

describe('waymark integration update', () => {
  beforeEach(() => {
    api.routes['GET /integrations/forge'] = [200, success({ ...forge, version: 'v7' })];
    api.routes['PUT /integrations/forge'] = [200, success(forge)];
  });

  it('keeps what is not named, of what was read', async () => {
    const { stdout } = await run('update', 'forge', '--set', 'timeoutSec=9', '--off');

    expect(stdout).toBe('updated forge\n');
    expect(api.requests[1]).toMatchObject({
      headers: { 'if-match': '"v7"' },
      body: { config: { endpoint: 'https://gitea.example.com', timeoutSec: 9 }, enabled: false },
    });
  });

  it('gives it another secret, from standard input', async () => {
    client.stdin = 'hunter3hunter3\n';

    await run('update', 'forge', '--secret', 'token');

    expect(api.requests[1]?.body).toEqual({ credentials: { token: 'hunter3hunter3' } });
  });

  it.each([[[]], [['--on', '--off']]])('refuses %j: exit 2', async (options) => {
    expect((await run('update', 'forge', ...options)).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe('waymark integration show', () => {
  it('tells its configuration, and what is wrong', async () => {
    api.routes['GET /integrations/forge'] = [200, success(forge)];

    expect((await run('show', 'forge')).stdout.split('\n')).toEqual([
      'forge: scm.gitea, on',
      '  endpoint: https://gitea.example.com',
      '  timeoutSec: 5',
      '  token: ***',
      'unhealthy, checked 2026-11-21T06:53:57.831Z',
      '  token: it answers 401',
      '',
    ]);
  });
});

describe('waymark integration create', () => {
  it('sends the configuration, and a credential from standard input', async () => {
    api.routes['POST /integrations'] = [201, success(forge)];
    client.stdin = 'hunter2hunter2\n';

    const { stdout } = await run(
      'create',
      'forge',
      '--type',
      'scm.gitea',
      '--secret',
      'token',
      '--off',
      '--set',
      'endpoint=https://gitea.example.com?a=b',
      '--set',
      'timeoutSec=5',
    );

    expect(stdout).toBe('added forge\n');
    expect(api.requests[0]?.body).toEqual({
      name: 'forge',
      type: 'scm.gitea',
      config: { endpoint: 'https://gitea.example.com?a=b', timeoutSec: 5 },
      credentials: { token: 'hunter2hunter2' },
      enabled: false,
    });
  });

  it('refuses a setting that is none: exit 2', async () => {
    const { exitCode, stderr } = await run('create', 'forge', '--type', 'x', '--set', 'endpoint');

    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('must be field=value')]);
    expect(api.requests).toEqual([]);
  });

  it('names the change request where that has to be merged first', async () => {
    const change = { number: 7, url: 'https://waymark.example.com/change-requests/7' };
    api.routes['POST /integrations'] = [202, success({ change })];

    const { stdout } = await run('create', 'forge', '--type', 'generic.http');

    expect(stdout).toBe(`opened change request 7: ${change.url}\n`);
  });
});

describe('waymark integration test', () => {
  it.each([
    [true, 0, 'ok     token\nforge works (12 ms)\n'],
    [false, 1, 'failed token: it answers 401\nforge does not work (12 ms)\n'],
  ])('says whether it works: %s, exit %i', async (ok, code, lines) => {
    const checks = [{ name: 'token', ok, ...(ok ? {} : { message: 'it answers 401' }) }];
    api.routes['POST /integrations/forge/test'] = [200, success({ ok, latencyMs: 12, checks })];

    const { stdout, exitCode } = await run('test', 'forge');

    expect([exitCode, stdout]).toEqual([code, lines]);
  });
});

describe('waymark integration discover', () => {
  it('lists what is found', async () => {
    const resources = [{ id: '1', name: 'main', type: 'branch', metadata: {} }];
    api.routes['POST /integrations/forge/discover'] = [200, success({ resources })];

    const { stdout } = await run('discover', 'forge', 'branch', '--query', 'ma', '--page', '2');

    expect(stdout).toBe('ID  NAME  TYPE\n1   main  branch\n');
    expect(api.requests[0]?.body).toEqual({ resourceType: 'branch', query: 'ma', page: 2 });
  });
});

describe('waymark integration delete', () => {
  it('removes it, and keeps a name within its path', async () => {
    api.routes['DELETE /integrations/..%2Fkeys'] = [204, ''];

    expect((await run('delete', '../keys')).stdout).toBe('removed ../keys\n');
  });
});
