import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';

let api: FakeApi;
let client: TestClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = await makeClient({
    WAYMARK_URL: api.url,
    WAYMARK_ORG: 'acme',
    WAYMARK_TOKEN: 'wmk_1_s',
  });
});
afterEach(async () => {
  await client.remove();
  await api.close();
});

const lastRequest = () => api.requests.at(-1);

describe('waymark org', () => {
  it('creates an organisation from the template, and says how to clone it', async () => {
    api.routes['POST /orgs'] = [201, success({ slug: 'beta', name: 'Beta Ltd' })];

    const { exitCode, stdout } = await client.run('org', 'create', 'beta', '--name', 'Beta Ltd');

    expect(exitCode).toBe(0);
    expect(stdout).toBe(`made beta\ngit clone ${api.url}/git/beta.git\n`);
    expect(lastRequest()).toMatchObject({
      body: { slug: 'beta', name: 'Beta Ltd', mode: 'hosted', initial: 'template' },
      headers: { authorization: 'Bearer wmk_1_s' },
    });
  });

  it('creates an empty one', async () => {
    api.routes['POST /orgs'] = [201, success({ slug: 'beta' })];

    await client.run('org', 'create', 'beta', '--empty');

    expect(lastRequest()?.body).toMatchObject({ initial: 'empty' });
  });

  it('creates a mirror, and says to store its secret', async () => {
    api.routes['POST /orgs'] = [201, success({ slug: 'tools' })];
    await client.write('known_hosts', 'git.example.com ssh-ed25519 AAAA\n');
    const upstream = 'git@git.example.com:tools.git';

    const { stderr } = await client.run(
      'org',
      'create',
      'tools',
      '--mirror',
      '--upstream',
      upstream,
      '--branch',
      'trunk',
      '--secret',
      'deploy-key',
      '--known-hosts',
      'known_hosts',
    );

    expect(stderr).toBe('store its secret: waymark secret set deploy-key --org tools\n');
    expect(lastRequest()?.body).toEqual({
      slug: 'tools',
      name: 'tools',
      mode: 'mirror',
      upstream: {
        url: upstream,
        branch: 'trunk',
        credentials: { secretRef: 'deploy-key' },
        knownHosts: 'git.example.com ssh-ed25519 AAAA\n',
      },
    });
  });

  it('creates a mirror of what everybody may read', async () => {
    api.routes['POST /orgs'] = [201, success({ slug: 'tools' })];
    const url = 'https://git.example.com/tools.git';

    const { stderr } = await client.run('org', 'create', 'tools', '--mirror', '--upstream', url);

    expect(stderr).toBe('');
    expect(lastRequest()?.body).toMatchObject({ mode: 'mirror', upstream: { url } });
  });

  it.each([
    ['--mirror needs --upstream', ['--mirror']],
    ['only a mirror has an upstream', ['--upstream', 'https://git.example.com/t']],
    ['only a mirror has an upstream', ['--secret', 'token']],
    ['leave --empty out', ['--mirror', '--empty', '--upstream', 'https://git.example.com/t']],
    ['--username needs --secret', ['--mirror', '--upstream', 'https://h/t', '--username', 'x']],
  ])('says %s: exit 2', async (message, flags) => {
    const { exitCode, stderr } = await client.run('org', 'create', 'tools', ...flags);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(api.requests).toEqual([]);
  });

  it('lists every page', async () => {
    const org = (slug: string) => ({ slug, name: slug, mode: 'hosted', createdAt: '2026-11-02' });
    api.routes['GET /orgs'] = (page) => success([org(page === 1 ? 'acme' : 'beta')], page === 1);

    const { stdout } = await client.run('org', 'list');

    expect(stdout).toBe(
      'SLUG  NAME  MODE    CREATED\nacme  acme  hosted  2026-11-02\nbeta  beta  hosted  2026-11-02\n',
    );
  });

  it('deletes only with the slug said twice', async () => {
    api.routes['DELETE /orgs/beta'] = [204, undefined];

    const unsure = await client.run('org', 'delete', 'beta', '--confirm', 'acme');
    const sure = await client.run('org', 'delete', 'beta', '--confirm', 'beta');

    expect([unsure.exitCode, sure.exitCode]).toEqual([2, 0]);
    expect(api.requests).toHaveLength(1);
  });
});

describe('waymark key', () => {
  it('prints the new key alone on standard output', async () => {
    api.routes['POST /api-keys'] = [201, success({ id: '0f3a', key: 'wmk_0f3a_secret' })];

    const { stdout, stderr } = await client.run(
      'key',
      'create',
      'ci',
      '--role',
      'publisher',
      '--team',
      'sales-ops',
      '--expires',
      '2027-01-31T00:00:00Z',
      '--user',
      'ada@example.com',
    );

    expect(stdout).toBe('wmk_0f3a_secret\n');
    expect(stderr).toContain('made 0f3a');
    expect(lastRequest()?.body).toEqual({
      name: 'ci',
      roles: ['publisher'],
      teams: ['sales-ops'],
      user: 'ada@example.com',
      expiresAt: '2027-01-31T00:00:00Z',
    });
  });

  it('takes a role of the registry, and narrows it', async () => {
    api.routes['POST /api-keys'] = [201, success({ id: '0f3a', key: 'wmk_0f3a_secret' })];

    await client.run('key', 'create', 'ci', '--role', 'release-bot', '--scope', 'registry:read');

    expect(lastRequest()?.body).toEqual({
      name: 'ci',
      roles: ['release-bot'],
      scopes: ['registry:read'],
    });
  });

  it('lists keys', async () => {
    const key = { id: '0f3a', name: 'ci', roles: ['viewer'], user: null, lastUsedAt: null };
    api.routes['GET /api-keys'] = [200, success([key])];

    const { stdout } = await client.run('key', 'list');

    expect(stdout).toBe(
      'ID    NAME  ROLES   USER  LAST USED\n0f3a  ci    viewer  -     never used\n',
    );
  });

  it('revokes one', async () => {
    api.routes['DELETE /api-keys/0f3a'] = [204, undefined];

    expect((await client.run('key', 'revoke', '0f3a')).stdout).toBe('revoked 0f3a\n');
  });
});

describe('waymark release', () => {
  const version = {
    plugin: 'sales',
    version: '1.4.0',
    tag: 'sales--v1.4.0',
    seq: 7,
    commit: 'c'.repeat(40),
    tagOid: 't'.repeat(40),
    contentDigest: 'sha256:0',
    publishedAt: '2026-11-02',
    notes: 'Good.',
    yanked: false,
  };

  it('publishes a version', async () => {
    api.routes['POST /components/sales/versions'] = [201, success(version)];

    const { stdout } = await client.run('release', 'publish', 'sales@1.4.0', '--notes', 'Good.');

    expect(stdout).toBe(
      'published sales 1.4.0 as sales--v1.4.0 (release 7, commit cccccccccccc)\n',
    );
    expect(lastRequest()?.body).toEqual({ version: '1.4.0', notes: 'Good.' });
  });

  it('publishes a named release of several', async () => {
    api.routes['POST /releases'] = [201, success({ name: '2026-11' })];

    await client.run('release', 'publish', '--name', '2026-11', 'sales@1.4.0', 'ops@2.0.0');

    expect(lastRequest()?.body).toEqual({
      name: '2026-11',
      components: [
        { componentId: 'sales', version: '1.4.0' },
        { componentId: 'ops', version: '2.0.0' },
      ],
    });
  });

  it.each(['sales', 'sales@^1.0', 'sales@latest'])(
    'refuses %s, which is no version: exit 2',
    async (item) => {
      expect((await client.run('release', 'publish', item)).exitCode).toBe(2);
      expect(api.requests).toEqual([]);
    },
  );

  it('lists and shows', async () => {
    const yanked = { ...version, version: '1.3.0', yanked: true, yankReason: 'wrong name' };
    api.routes['GET /components/sales/versions'] = [200, success([version, yanked])];

    const list = await client.run('release', 'list', 'sales');
    const shown = await client.run('release', 'show', 'sales@1.3.0');
    const missing = await client.run('release', 'show', 'sales@9.0.0');

    expect(list.stdout.split('\n')[2]).toBe(
      '1.3.0    2026-11-02  cccccccccccc  yanked: wrong name',
    );
    expect(shown.stdout).toContain('yanked     wrong name\n\nGood.\n');
    expect(missing).toMatchObject({ exitCode: 1, stderr: 'waymark: sales has no release 9.0.0\n' });
  });

  it('yanks with a reason, and takes it back', async () => {
    api.routes['POST /components/sales/versions/1.4.0/yank'] = [200, success({})];
    api.routes['POST /components/sales/versions/1.4.0/unyank'] = [200, success({})];

    const silent = await client.run('release', 'yank', 'sales@1.4.0');
    const yanked = await client.run('release', 'yank', 'sales@1.4.0', '--reason', 'wrong name');
    const back = await client.run('release', 'unyank', 'sales@1.4.0');

    expect([silent.exitCode, yanked.exitCode, back.exitCode]).toEqual([2, 0, 0]);
    expect(api.requests[0]?.body).toEqual({ reason: 'wrong name' });
  });

  it('says what the server says when it refuses: exit 1', async () => {
    const error = { code: 'REL_TAG_EXISTS', message: 'sales--v1.4.0 exists with other content' };
    api.routes['POST /components/sales/versions'] = [409, { success: false, error }];

    const plain = await client.run('release', 'publish', 'sales@1.4.0');
    const json = await client.run('release', 'publish', 'sales@1.4.0', '--json');

    expect(plain).toMatchObject({
      exitCode: 1,
      stderr: 'waymark: sales--v1.4.0 exists with other content\n',
    });
    expect(json.json()).toEqual({ error });
  });

  it('names the organisation for keys that stand for none', async () => {
    api.routes['GET /releases'] = [200, success([])];

    await client.run('release', 'list');

    expect(lastRequest()?.headers['x-waymark-org']).toBe('acme');
  });
});

describe('waymark login', () => {
  const delivery = 'GET /v1/orgs/acme/delivery/plugins';
  const stored = () => join(client.env['HOME'] ?? '', '.config/waymark/login.json');

  it('stores what it was given once the server takes the key, for its owner alone', async () => {
    api.routes[delivery] = [200, { items: [] }];
    client.env = { HOME: client.env['HOME'] };
    client.stdin = 'wmk_2_s\n';

    const { exitCode } = await client.run(
      'login',
      '--url',
      `${api.url}/`,
      '--org',
      'acme',
      '--token',
      '-',
    );

    expect(exitCode).toBe(0);
    expect(JSON.parse(await readFile(stored(), 'utf8'))).toEqual({
      url: api.url,
      org: 'acme',
      token: 'wmk_2_s',
    });
    expect((await stat(stored())).mode & 0o777).toBe(0o600);
  });

  it('is used by later commands', async () => {
    api.routes[delivery] = [200, { items: [] }];
    api.routes['GET /releases'] = [200, success([])];
    client.env = { HOME: client.env['HOME'] };
    await client.run('login', '--url', api.url, '--org', 'acme', '--token', 'wmk_2_s');

    const { exitCode } = await client.run('release', 'list');

    expect(exitCode).toBe(0);
    expect(lastRequest()?.headers['authorization']).toBe('Bearer wmk_2_s');
  });

  it('stores nothing when the server refuses the key', async () => {
    const error = { code: 'AUTH_TOKEN_INVALID', message: 'this API key is not known' };
    api.routes[delivery] = [401, { success: false, error }];

    const { exitCode, stderr } = await client.run('login');

    expect(exitCode).toBe(1);
    expect(stderr).toBe('waymark: this API key is not known\n');
    await expect(stat(stored())).rejects.toThrow('ENOENT');
  });

  it.each(['ftp://x', 'nonsense', 'http://user:pw@host', 'http://host/?q'])(
    'refuses the address %s: exit 2',
    async (url) => {
      expect((await client.run('login', '--url', url)).exitCode).toBe(2);
    },
  );
});
