import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, ask } from '../support/app.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { gitOutput, runGit } from '../support/git.ts';
import { PASSWORD } from '../support/people.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const QUOTE = 'plugins/sales/commands/quote.yaml';
const MIRROR = 'branch-office';

const protectedRegistry = {
  ...smallRegistry,
  'registry.yaml': `apiVersion: waymark/v1
kind: Registry
spec:
  title: Tools
  delivery: {defaultAccess: orgWide}
  protection: {changeRequest: true, approvals: 1}
`,
};

/** The servers, and everybody who works with them. Each person has a password and a key of their own. */
let site: Site;
let office: RunningServer;
const people: TestClient[] = [];

beforeAll(async () => {
  site = await openSite({ isEmpty: true });
  const env = { WAYMARK_EXAMPLE_ORG: '', WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' };
  office = await startServer({ env });
});

afterAll(async () => {
  await Promise.all(people.map((one) => one.remove()));
  await office.stop();
  await site.close();
});

async function call<T>(server: RunningServer, path: string, org: string, asked: Asked): Promise<T> {
  const headers = { 'x-waymark-org': org };
  const url = `${server.url}/api/v1${path}`;
  const answer = await ask<{ data: T }>(url, { token: server.adminKey, headers, ...asked });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body?.data;
}

/** Someone with a password, who has logged in with `waymark` and has a clone of the registry. */
async function hire(username: string, role: string): Promise<{ person: TestClient; tree: string }> {
  const body = { username, password: PASSWORD };
  const { id } = await call<{ id: string }>(site.server, '/users', '*', { body });
  await call(site.server, `/members/${id}`, site.org, { method: 'PUT', body: { roles: [role] } });
  const person = await makeClient({ WAYMARK_URL: site.server.url });
  people.push(person);
  Object.defineProperty(person, 'nowMs', { get: Date.now });
  person.stdin = `${PASSWORD}\n`;
  await succeed(person, 'login', '--username', username);
  const tree = person.path('registry');
  const url = site.server.url.replace('//', `//${username}:${encodeURIComponent(PASSWORD)}@`);
  await runGit(person.dir, ['clone', '-q', `${url}/git/${site.org}.git`, tree]);
  return { person, tree };
}

/** A client of a server that follows `main`. */
async function enrolAt(server: RunningServer, org: string): Promise<TestClient> {
  const client = await makeClient({
    WAYMARK_URL: server.url,
    WAYMARK_ORG: org,
    WAYMARK_TOKEN: server.adminKey,
  });
  people.push(client);
  Object.defineProperty(client, 'nowMs', { get: Date.now });
  await succeed(client, 'enrol', '--name', 'laptop', '--channel', 'rolling');
  await succeed(client, 'add', 'sales');
  return client;
}

/** One story, told in order: each step finds what the ones before it left. */
describe('an author’s day', () => {
  let author: { person: TestClient; tree: string };
  let reviewer: { person: TestClient; tree: string };
  let publisher: { person: TestClient; tree: string };
  let laptop: TestClient;
  let follower: TestClient;

  beforeAll(async () => {
    const tree = site.admin.path('first');
    await runGit(site.admin.dir, ['init', '-q', '-b', 'main', tree]);
    await runGit(tree, [
      'remote',
      'add',
      'origin',
      site.gitUrl(await site.keyOf('--role', 'publisher')),
    ]);
    await push(tree, protectedRegistry);
    author = await hire('ada', 'editor');
    reviewer = await hire('rita', 'approver');
    publisher = await hire('pat', 'publisher');
    laptop = await enrolAt(site.server, site.org);
    await mirror();
    follower = await enrolAt(office, MIRROR);
  });

  async function mirror(): Promise<void> {
    const url = `${site.server.url}/git/${site.org}.git`;
    const upstream = { url, credentials: { secretRef: 'upstream' } };
    const body = { slug: MIRROR, mode: 'mirror', upstream };
    await call(office, '/orgs', '*', { body });
    const value = await site.keyOf('--role', 'viewer');
    await call(office, '/secrets/upstream', MIRROR, { method: 'PUT', body: { value } });
    await call(office, '/upstream/sync', MIRROR, { body: {} });
  }

  it('begins with a branch: main takes no push', async () => {
    const { tree } = author;
    await runGit(tree, ['switch', '-q', '-c', 'euros']);

    await runGit(publisher.tree, ['commit', '-q', '--allow-empty', '-m', 'Try main first']);
    const asPublisher = gitOutput(publisher.tree, ['push', 'origin', 'HEAD:main']);

    await expect(asPublisher).rejects.toThrow(/main is protected: push a branch and open a change/);
  });

  it('goes on with a change request whose check names the faulty line', async () => {
    await pushBranch({
      [QUOTE]: command('Write a quote in euros.').replace('template', 'tempate'),
    });
    const { stdout } = await succeed(
      author.person,
      'change',
      'create',
      '--branch',
      'euros',
      '--title',
      'Quote in euros',
    );
    expect(stdout).toMatch(/#1\b/);

    const shown = await succeed(author.person, 'change', 'show', '1');

    expect(shown.stdout).toContain('✗ schema');
    expect(shown.stdout).toMatch(
      new RegExp(`error: ${QUOTE}:6:3 spec has no field "tempate" \\(did you mean template\\?\\)`),
    );
  });

  it('is fixed by another push, which the request follows', async () => {
    await pushBranch({ [QUOTE]: command('Write a quote in euros.') });

    const { stdout } = await succeed(author.person, 'change', 'show', '1');

    expect(stdout).toContain('✓ schema');
    expect(stdout).toContain('… approvals: 0 of 1 approvals');
    expect(stdout).toMatch(/rolling: sales updated/);
  });

  it('waits for somebody else’s approval', async () => {
    const early = await publisher.person.run('change', 'merge', '1');
    expect(early.exitCode).toBe(1);
    expect(early.stderr).toContain('0 of 1 approvals');
    expect((await author.person.run('change', 'review', '1', '--approve')).exitCode).toBe(1);

    const { stdout } = await succeed(reviewer.person, 'change', 'review', '1', '--approve');

    expect(stdout).toMatch(/^#1: approved at [0-9a-f]{12}\n$/);
  });

  it('is merged, and released', async () => {
    const { stdout } = await succeed(publisher.person, 'change', 'merge', '1');
    expect(stdout).toMatch(/#1/);
    await runGit(author.tree, ['fetch', '-q', 'origin']);
    const merged = await runGit(author.tree, ['show', `origin/main:${QUOTE}`]);
    expect(merged).toContain('Write a quote in euros.');

    await succeed(publisher.person, 'release', 'publish', 'sales@1.0.0');

    await runGit(author.tree, ['fetch', '-q', '--tags', 'origin']);
    expect(await runGit(author.tree, ['cat-file', '-t', 'sales--v1.0.0'])).toBe('tag');
  });

  it('ends when a client has it', async () => {
    await succeed(laptop, 'sync');

    expect(await laptop.read(join('plugins/sales/commands/quote.yaml'))).toContain('in euros');
  });

  it('reaches the clients of a mirror', async () => {
    await call(office, '/upstream/sync', MIRROR, { body: {} });

    await succeed(follower, 'sync');

    expect(await follower.read('plugins/sales/commands/quote.yaml')).toContain('in euros');
  });

  it('leaves an account of who did what', async () => {
    const { stdout } = await succeed(site.admin, 'audit', 'verify');
    expect(stdout).toMatch(/\d+ entries/);
    const entries = await call<{ actor: string; action: string }[]>(
      site.server,
      '/audit?pageSize=100&sort=sequence',
      site.org,
      {},
    );

    const story = entries.map(({ actor, action }) => `${actor} ${action}`);
    expect(story.slice(story.indexOf('user:ada git.push'))).toEqual([
      'user:ada git.push',
      'user:ada change.create',
      'user:ada git.push',
      'system:reconciler change.follow',
      'user:rita change.review',
      'user:pat change.merge',
      'user:pat change.merge',
      'user:pat release.publish',
    ]);
  });

  async function pushBranch(files: Readonly<Record<string, string>>): Promise<void> {
    const { tree, person } = author;
    for (const [path, content] of Object.entries(files)) {
      await person.write(join('registry', path), content);
    }
    await runGit(tree, ['commit', '-q', '-a', '-m', 'Quote in euros']);
    await runGit(tree, ['push', '-q', 'origin', 'euros']);
  }
});
