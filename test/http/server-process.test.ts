import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { type RunningServer, runServer, startServer } from '../support/server.ts';

const run = promisify(execFile);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-process-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('the first start', () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.stop());

  it('makes the example org and publishes its plugins', async () => {
    const answer = await fetch(`${server.url}/api/v1/orgs`, { headers: bearer(server.adminKey) });
    const tags = await runGit(folder, ['ls-remote', '--tags', gitUrl(server)]);

    const { data } = (await answer.json()) as { data: { slug: string; state: string }[] };
    expect(data).toMatchObject([{ slug: 'acme', state: 'active' }]);
    expect(tags).toMatch('refs/tags/sales--v1.0.0');
    expect(tags).toMatch('refs/tags/on-call--v');
  });

  it('leaves the keys, and all else, to their owner alone', async () => {
    for (const name of ['admin-key', 'master-key']) {
      expect((await stat(join(server.dataDir, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('prints three lines that work when they are pasted', async () => {
    const lines = server.log().match(/^ {2}curl .*$/gm) ?? [];
    expect(lines).toHaveLength(3);

    const [index, manifest] = await Promise.all(lines.map((line) => paste(line, folder)));

    expect(JSON.parse(index!)).toMatchObject({ _type: 'index', org: 'acme' });
    expect(JSON.parse(manifest!)).toMatchObject({ layout: 'raw', resolved: { org: 'acme' } });
    const [archive] = (await readdir(folder)).filter((name) => name.endsWith('.tar.gz'));
    const { stdout } = await run('tar', ['-tzf', join(folder, archive!)]);
    expect(stdout).toMatch(/^\.waymark\/manifest\.json\n/);
  });

  it('prints the key, and says where it is', () => {
    expect(server.log()).toMatch(`admin key, shown this once: ${server.adminKey}\n`);
    expect(server.log()).toMatch(`admin key: ${server.dataDir}/admin-key\n`);
  });

  it('serves a clone to git', async () => {
    await runGit(folder, ['clone', '-q', gitUrl(server), 'first']);

    expect(await readFile(join(folder, 'first/registry.yaml'), 'utf8')).toMatch('kind: Registry');
  });
});

describe('a later start', () => {
  it('keeps the key and the orgs, makes nothing anew, and prints no key', async () => {
    const dataDir = join(folder, 'later');
    const first = await startServer({ dataDir });
    const request = { method: 'DELETE', headers: bearer(first.adminKey) };
    expect((await fetch(`${first.url}/api/v1/orgs/acme`, request)).status).toBe(204);
    await first.stop();

    const second = await startServer({ dataDir });
    const answer = await fetch(`${second.url}/api/v1/orgs`, { headers: bearer(first.adminKey) });
    await second.stop();

    expect(second.adminKey).toBe(first.adminKey);
    expect(second.log()).not.toMatch(first.adminKey);
    expect(await answer.json()).toMatchObject({ data: [] });
  });

  it('completes a first start that was killed', async () => {
    const dataDir = join(folder, 'killed');
    const failpoints = 'publish.projected=kill';
    await expect(startServer({ dataDir, failpoints })).rejects.toThrow('ended with null');

    const server = await startServer({ dataDir });
    const tags = await runGit(folder, ['ls-remote', '--tags', gitUrl(server)]);
    await server.stop();

    expect(tags.match(/--v/g)?.length).toBeGreaterThanOrEqual(4);
  });
});

describe('WAYMARK_ADMIN_TOKEN', () => {
  it('becomes the administrator’s key, and no file is written', async () => {
    const dataDir = join(folder, 'chosen');
    const token = 'correct horse battery staple'.replaceAll(' ', '-');

    const server = await startServer({ dataDir, env: { WAYMARK_ADMIN_TOKEN: token } });
    const answer = await fetch(`${server.url}/api/v1/orgs`, { headers: bearer(token) });
    await server.stop();

    expect(answer.status).toBe(200);
    await expect(stat(join(dataDir, 'admin-key'))).rejects.toThrow('ENOENT');
    expect(server.log()).not.toMatch(token);
  });
});

describe('a setting that is wrong', () => {
  it('ends the start with one sentence and exit code 2', async () => {
    const { exitCode, said } = await runServer({ WAYMARK_PORT: 'http' });

    expect(exitCode).toBe(2);
    expect(said).toBe('waymark: WAYMARK_PORT is http: give a number from 0 to 65535\n');
  });

  it('includes a port that another program has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };

    const { exitCode, said } = await runServer({
      WAYMARK_DATA_DIR: join(folder, 'busy'),
      WAYMARK_EXAMPLE_ORG: '',
      WAYMARK_PORT: String(port),
    });
    other.close();

    expect(exitCode).toBe(2);
    expect(said).toMatch(`WAYMARK_PORT ${port}`);
    expect(said).toMatch('EADDRINUSE');
  });

  it('includes a data directory that another server holds, until that one is killed', async () => {
    const dataDir = join(folder, 'held');
    const env = { WAYMARK_DATA_DIR: dataDir, WAYMARK_EXAMPLE_ORG: '' };
    const first = await startServer({ dataDir, env });

    const { exitCode, said } = await runServer(env);
    await first.kill('SIGKILL');
    const next = await startServer({ dataDir, env });
    await next.stop();

    expect(exitCode).toBe(2);
    expect(said).toBe(`waymark: WAYMARK_DATA_DIR ${dataDir} is in use by another server\n`);
  });

  it.each([
    ['a file', import.meta.filename],
    ['below a file', join(import.meta.filename, 'data')],
    ['where no folder can be made', '/dev/null/data'],
    ['in a folder of the system’s own', '/proc/data'],
  ])('includes a data directory that is %s', async (_, dataDir) => {
    const { exitCode, said } = await runServer({ WAYMARK_DATA_DIR: dataDir });

    expect(exitCode).toBe(2);
    expect(said).toMatch(/^waymark: WAYMARK_DATA_DIR \S+ is no folder \(E[A-Z]+\)\n$/);
  });

  it('includes a database that cannot be opened, and does not repeat its password', async () => {
    const { exitCode, said } = await runServer({
      WAYMARK_DATA_DIR: join(folder, 'no-database'),
      DATABASE_URL: 'postgres://waymark:hunter2@127.0.0.1:1/waymark',
    });

    expect(exitCode).toBe(2);
    expect(said).toBe('waymark: DATABASE_URL: the database cannot be opened (ECONNREFUSED)\n');
  });

  it('includes a master key that is not the one the secrets were stored with', async () => {
    const dataDir = join(folder, 'other-master');
    await (await startServer({ dataDir })).stop();

    const { exitCode, said } = await runServer({
      WAYMARK_DATA_DIR: dataDir,
      WAYMARK_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    });

    expect(exitCode).toBe(2);
    expect(said).toMatch('<data>/master-key) is not the one that secrets were stored with\n');
  });
});

describe('SIGTERM', () => {
  it('lets a running request end, refuses new ones, and exits with 0', async () => {
    const server = await startServer({ failpoints: 'publish.ref-updated=delay:600' });
    const { url, adminKey } = server;
    const creating = fetch(`${url}/api/v1/orgs`, {
      method: 'POST',
      headers: { ...bearer(adminKey), 'content-type': 'application/json' },
      body: JSON.stringify({ slug: 'slow' }),
    });
    await orgAppears(server, 'slow');

    const exited = server.kill('SIGTERM');

    expect((await creating).status).toBe(201);
    expect(await exited).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
    await server.stop();
  });
});

/** Listed from the moment that its creation has begun. */
async function orgAppears({ url, adminKey }: RunningServer, slug: string): Promise<void> {
  const statusOf = async () =>
    (await fetch(`${url}/api/v1/orgs/${slug}`, { headers: bearer(adminKey) })).status;
  await expect.poll(statusOf).toBe(200);
}

async function paste(line: string, cwd: string): Promise<string> {
  return (await run('/bin/sh', ['-c', line], { cwd })).stdout;
}

const gitUrl = ({ url, adminKey }: RunningServer, org = 'acme'): string =>
  `${url.replace('://', `://x:${adminKey}@`)}/git/${org}.git`;
