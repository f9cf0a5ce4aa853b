import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { browserOf, logInTo, PASSWORD } from '../support/people.ts';
import { openService, type TestService } from '../support/service.ts';

let dataDir: string;
let folder: string;
let service: TestService;
let org: OrgApi;
let userId: string;

const member = (body?: object) =>
  ask(`${service.url}/api/v1/members/${userId}`, {
    method: body ? 'PUT' : 'DELETE',
    token: org.admin,
    ...(body && { body }),
  });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'waymark-people-'));
  folder = await temporaryFolder('waymark-clones-');
  service = await openService(dataDir);
  org = await openOrg(service);
  const made = await org.post<{ id: string }>('/users', { username: 'ada', password: PASSWORD });
  userId = made.id;
  expect((await member({ roles: ['editor'] })).status).toBe(201);
});

afterAll(async () => {
  await org.close();
  await service.close();
  await Promise.all([dataDir, folder].map((path) => rm(path, { recursive: true, force: true })));
});

const clone = (into: string, password = PASSWORD) =>
  runGit(folder, [
    'clone',
    '-q',
    `${service.url.replace('//', `//ada:${encodeURIComponent(password)}@`)}/git/tools.git`,
    into,
  ]);

describe('a person', () => {
  it('clones and pushes with their password', async () => {
    await clone('first');
    const tree = join(folder, 'first');
    await runGit(tree, ['checkout', '-q', '-b', 'idea']);
    await runGit(tree, ['commit', '-q', '--allow-empty', '-m', 'An idea']);

    await runGit(tree, ['push', '-q', 'origin', 'idea']);

    expect(await runGit(tree, ['ls-remote', 'origin', 'idea'])).toMatch('refs/heads/idea');
  });

  it('clones nothing with a wrong one', async () => {
    await expect(clone('never', 'a wrong password')).rejects.toThrow(/Authentication failed|401/);
  });

  it('enrols a client by browser, which ends with their membership', async () => {
    const browser = await browserOf(service, 'ada');
    const place = '/v1/orgs/tools/delivery';
    const enrolled = await browser.ask<{ token: string }>(`${place}/clients`, {
      body: { name: 'laptop' },
    });
    expect(enrolled.status).toBe(201);
    const { token } = enrolled.body;
    expect((await org.get('/index', { token })).status).toBe(200);

    expect((await member()).status).toBe(204);

    const refused = await org.get<Refused>('/index', { token });
    expect([refused.status, refused.body.error.code]).toEqual([401, 'AUTH_TOKEN_REVOKED']);
    await expect(clone('gone')).rejects.toThrow(/not found|404/);
  });
});

describe('a session beside a key', () => {
  it('is refused, also where the key alone is answered from memory', async () => {
    const { cookie } = await browserOf(service, 'ada');
    const token = await org.keyOf({ role: 'viewer' });
    const hotAfterAnother = async () => {
      expect((await org.get('/index', { token })).status).toBe(200);
      return service.hotAnswers();
    };
    await expect.poll(hotAfterAnother).toBeGreaterThan(0);

    const both = await org.get<Refused>('/index', { token, headers: { cookie } });

    expect([both.status, both.body.error.code]).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });
});

describe('waymark login --username', () => {
  let client: TestClient;

  beforeAll(async () => {
    await member({ roles: ['editor'] });
    client = await makeClient({ WAYMARK_URL: service.url });
    Object.defineProperty(client, 'nowMs', { get: Date.now });
  });

  afterAll(() => client.remove());

  it('makes and stores a key of one’s own, and leaves no session', async () => {
    client.stdin = `${PASSWORD}\n`;

    const { exitCode, stdout, stderr } = await client.run('login', '--username', 'ada');

    expect(exitCode, stderr).toBe(0);
    expect(stdout + stderr).not.toMatch(/wm[ks]_/);
    expect((await client.run('release', 'list')).exitCode).toBe(0);
    const keys = await ask<{ data: object[] }>(`${service.url}/api/v1/api-keys`, {
      token: org.admin,
    });
    expect(keys.body.data).toContainEqual(
      expect.objectContaining({ user: 'ada', userId, roles: ['editor'], revokedAt: null }),
    );
    const entries = await ask<{ data: { action: string }[] }>(
      `${service.url}/api/v1/audit?sort=-sequence&pageSize=1`,
      { token: org.admin },
    );
    expect(entries.body.data).toMatchObject([{ action: 'session.end', actor: 'user:ada' }]);
  });

  it('stores nothing for a wrong password: exit 1', async () => {
    client.stdin = 'a wrong password';

    const { exitCode, stderr } = await client.run('login', '--username', 'ada');

    expect(exitCode).toBe(1);
    expect(stderr).toBe('waymark: the user name or the password is wrong\n');
  });
});

describe('a restart', () => {
  it('keeps sessions, and the lock after wrong passwords', async () => {
    await member({ roles: ['editor'] });
    const { cookie } = await browserOf(service, 'ada');
    const body = { username: 'ada', password: 'a wrong password' };
    for (let i = 0; i < 5; i += 1) await ask(`${service.url}/api/v1/session`, { body });

    await service.close();
    service = await openService(dataDir);
    await org.follow(service);

    const seen = await ask(`${service.url}/api/v1/session`, { headers: { cookie } });
    expect(seen.status).toBe(200);
    expect((await logInTo(service, 'ada')).status).toBe(429);
    service.advance(31_000);
    expect((await logInTo(service, 'ada')).status).toBe(201);
  });
});

describe('the management key', () => {
  it('is generated once, for its owner alone', async () => {
    const file = join(dataDir, 'management-key');
    const key = (await readFile(file, 'utf8')).trim();
    const plugins = (headers: Record<string, string>) =>
      ask(`${service.url}/v0/management/plugins`, { headers });

    const statuses = [
      (await plugins({ 'x-management-key': key })).status,
      (await plugins({ 'x-management-key': `${key}x` })).status,
    ];

    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(statuses).toEqual([200, 401]);
  });
});
