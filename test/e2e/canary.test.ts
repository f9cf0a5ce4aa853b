import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenApi } from '../../src/http/openapi.ts';
import { type Answered, type Asked, ask } from '../support/app.ts';
import { filesIn } from '../support/backup.ts';
import { Canaries, type Exhibit } from '../support/canaries.ts';
import { gitOutput, makeRepository, type TestRepository, temporaryFolder } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { smallRegistry } from '../support/registry.ts';
import { type RunningServer, startServer } from '../support/server.ts';

/** What must never be shown, and what is shown everywhere: without it a look would prove nothing. */
const secrets = new Canaries();
const planted = new Canaries();
const plant = planted.make('planted');

const ADMIN = secrets.make('WAYMARK_ADMIN_TOKEN');
const MANAGEMENT = secrets.make('WAYMARK_MANAGEMENT_KEY');
const METRICS = secrets.make('WAYMARK_METRICS_TOKEN');
const settings = {
  WAYMARK_EXAMPLE_ORG: '',
  WAYMARK_LOG_LEVEL: 'debug',
  WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
  WAYMARK_ADMIN_TOKEN: ADMIN,
  WAYMARK_MANAGEMENT_KEY: MANAGEMENT,
  WAYMARK_METRICS_TOKEN: METRICS,
  // Nobody is there: what is said of that must not say how it was tried.
  REDIS_URL: `redis://:${secrets.make('REDIS_URL')}@127.0.0.1:1`,
  WAYMARK_OIDC_ISSUER: 'http://127.0.0.1:1',
  WAYMARK_OIDC_CLIENT_ID: 'waymark',
  WAYMARK_OIDC_CLIENT_SECRET: secrets.make('WAYMARK_OIDC_CLIENT_SECRET'),
};
/** Its org is named as the plant, so that metrics have it too. */
const ORG = plant;

let dataDir: string;
let server: RunningServer;
let followed: TestRepository;
/** It answers with the headers that it was sent, as some proxies do: its API always. */
let upstream: HttpBackend;
let isUpstreamBroken = true;
const exhibits: Exhibit[] = [];

beforeAll(async () => {
  dataDir = await temporaryFolder('waymark-canary-');
  server = await startServer({ dataDir, env: settings });
  const masterKey = (await readFile(join(dataDir, 'master-key'), 'utf8')).trim();
  secrets.add('master key', masterKey);
  secrets.add('master key, its bytes', Buffer.from(masterKey, 'base64').toString('latin1'));
  secrets.add('private key', 'PRIVATE KEY BLOCK');
  followed = await makeRepository(smallRegistry());
  upstream = await serveHttpBackend(followed.path);
  upstream.intercept = ({ headers: { authorization }, url = '' }, response) => {
    if (!authorization) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (!isUpstreamBroken && !url.startsWith('/api/')) return false;
    else response.writeHead(500, { 'content-type': 'text/plain' }).end(`no: ${authorization}`);
    return true;
  };
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  await followed.remove();
  await rm(dataDir, { recursive: true, force: true });
});

function keep(from: string, { text, headers }: Pick<Answered, 'text' | 'headers'>): void {
  const said = `${[...headers].flat().join('\n')}\n\n${text}`;
  exhibits.push({ from, bytes: Buffer.from(said) });
}

/** An answer that goes among the exhibits. By a site admin who works in the org, else as asked. */
async function visit(path: string, asked: Asked = {}): Promise<Answered> {
  const answer = await hand(path, asked);
  keep(`${asked.method ?? (asked.body === undefined ? 'GET' : 'POST')} ${path}`, answer);
  return answer;
}

/** The one answer that hands out a secret, and so is no exhibit. */
async function hand<T>(path: string, asked: Asked = {}): Promise<Answered<{ data: T }>> {
  const own = { authorization: `Bearer ${ADMIN}`, 'x-waymark-org': ORG, 'x-request-id': plant };
  return await ask<{ data: T }>(server.url + path, {
    ...asked,
    headers: asked.headers ?? own,
  });
}

async function handOut(name: string, path: string, body: unknown) {
  const answer = await hand<Record<string, string>>(path, { body });
  expect(answer.status, answer.text).toBe(201);
  const { key, token = key } = answer.body.data;
  return secrets.add(name, token!);
}

const nothingSent = { 'x-request-id': plant };

describe('a secret', () => {
  it('is taken in and handed out', async () => {
    const made = await visit('/api/v1/orgs', { body: { slug: ORG, name: plant } });
    expect(made.status, made.text).toBe(201);
    const value = secrets.make('stored secret');
    const stored = await visit('/api/v1/secrets/upstream', { method: 'PUT', body: { value } });
    expect(stored.status, stored.text).toBe(200);

    await handOut('API key', '/api/v1/api-keys', { name: plant, roles: ['viewer'] });
    const feed = { name: 'feed', selector: { channel: 'stable' } };
    await handOut('feed token', '/api/v1/feed-tokens', feed);
    const enrolled = await hand<never>(`/v1/orgs/${ORG}/delivery/clients`, {
      body: { name: 'laptop' },
    });
    expect(enrolled.status, enrolled.text).toBe(201);
    const { token } = enrolled.body as unknown as { token: string };
    secrets.add('client token', token);
  });

  it('is repeated, with the answer that was kept', async () => {
    const headers = {
      authorization: `Bearer ${ADMIN}`,
      'x-waymark-org': ORG,
      'idempotency-key': secrets.make('idempotency key'),
    };
    const asked = { body: { name: 'again', roles: ['viewer'] }, headers };
    const first = await hand<{ key: string }>('/api/v1/api-keys', asked);
    const again = await hand<{ key: string }>('/api/v1/api-keys', asked);

    expect(again.body.data.key).toBe(secrets.add('API key, kept', first.body.data.key));
  });

  it('is somebody’s password, and their session', async () => {
    const password = secrets.make('password');
    const person = { username: 'ada', password };
    expect((await visit('/api/v1/users', { body: person })).status).toBe(201);
    const wrong = { ...person, password: secrets.make('wrong password') };
    expect((await visit('/api/v1/session', { body: wrong, headers: nothingSent })).status).toBe(
      401,
    );
    const answer = await hand<{ csrfToken: string }>('/api/v1/session', {
      body: person,
      headers: nothingSent,
    });
    expect(answer.status, answer.text).toBe(201);
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    secrets.add('session', cookie.split('=')[1]!);
    const csrf = secrets.add('CSRF token', answer.body.data.csrfToken);

    const page = { cookie, origin: server.url, 'x-csrf-token': csrf, ...nothingSent };
    const change = { currentPassword: password, password: secrets.make('next password') };
    const changed = await visit('/api/v1/users/me', { method: 'PUT', body: change, headers: page });
    const ended = await visit('/api/v1/users/me', { headers: page });

    expect([changed.status, ended.status]).toEqual([200, 401]);
  });

  it('is exchanged for a token of the server’s own', async () => {
    const key = await handOut('CI key', '/api/v1/api-keys', { name: 'ci', roles: ['viewer'] });
    const body = { grant_type: 'client_credentials', client_secret: key };
    const answer = await hand('/api/v1/auth/token', { body, headers: nothingSent });

    const { access_token: jwt } = answer.body as unknown as { access_token: string };
    secrets.add('JWT', jwt.split('.')[2]!);
    const { status } = await visit('/api/v1/session', {
      headers: { authorization: `Bearer ${jwt}` },
    });
    expect(status).toBe(200);
  });

  it('is sent where it is wrong: in a header', async () => {
    const id = '0123456789abcdef';
    const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
    const basic = `x:${secrets.make('wrong Basic password')}`;
    const wrong: Record<string, string>[] = [
      bearer(secrets.make('wrong Bearer')),
      bearer(`wmk_${id}_${secrets.make('wrong API key')}`),
      bearer(
        `eyJhbGciOiJub25lIn0.${secrets.make('wrong JWT claims')}.${secrets.make('wrong JWT')}`,
      ),
      { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
      { authorization: `Digest ${secrets.make('unknown scheme')}` },
      { 'x-api-key': secrets.make('wrong X-API-Key') },
      { 'x-api-key': secrets.make('one of two keys'), ...bearer(secrets.make('the other key')) },
      { cookie: `waymark=${secrets.make('wrong session')}` },
    ];
    for (const headers of wrong) {
      for (const path of ['/api/v1/orgs', `/v1/orgs/${ORG}/delivery/index`, '/metrics']) {
        expect((await visit(path, { headers })).status, path).toBe(401);
      }
    }
    const management = [
      { 'x-management-key': secrets.make('wrong management key') },
      bearer(secrets.make('wrong management Bearer')),
      { 'x-management-key': MANAGEMENT },
    ];
    const statuses = [];
    for (const headers of management) {
      statuses.push((await visit(`/v0/management/${plant}`, { headers })).status);
    }
    expect(statuses).toEqual([401, 401, 404]);
  });

  it('is sent where it is wrong: in a body', async () => {
    const canary = secrets.make('refused body');
    const json = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const bodies = [
      `{"password": "${canary}"`,
      `${canary}`,
      JSON.stringify({ username: 'ada', password: canary, token: canary }),
      JSON.stringify({ username: 'ada', password: { [canary]: canary } }),
      JSON.stringify({ password: canary.repeat(40_000) }),
    ];
    for (const path of ['/api/v1/session', '/api/v1/users', '/api/v1/auth/token']) {
      for (const body of bodies) {
        const { status } = await visit(path, { body, headers: json });
        expect(status, body.slice(0, 60)).toBeGreaterThanOrEqual(400);
      }
      const { status } = await visit(path, {
        body: canary,
        headers: { 'content-type': 'text/xml' },
      });
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it('is sent where it is wrong: in an address', async () => {
    const token = `wmf_0123456789abcdef_${secrets.make('token in a path')}`;
    const query = secrets.make('token in a query');
    const refused = [
      `/nowhere/${token}`,
      `/v1/feeds/${token}/index.json`,
      `/v0/management/x?key=${query}`,
      `/nowhere?token=${query}`,
      `/api/v1/api-keys?token=${query}&filter={"token":"${query}"}`,
      `/git/${ORG}.git/info/refs?service=${query}`,
    ];
    for (const path of refused) {
      const { status, text } = await hand(path);
      keep(path.slice(0, 12), { text, headers: new Headers() });
      expect(status, path).toBeGreaterThanOrEqual(400);
    }
    await rawRequest(`GET /${query} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`);
    await rawRequest(`GET /${query}\u0001 HTTP/9\r\n${query}\r\n\r\n`);
  });

  it('is in git’s address, and in what is pushed', async () => {
    const pushed = `ghp_${randomBytes(18).toString('hex')}`;
    const repo = await makeRepository({ 'notes.md': `${secrets.add('pushed secret', pushed)}\n` });
    const url = server.url.replace('://', `://x:${secrets.make('wrong password of git')}@`);
    const right = server.url.replace('://', `://git:${ADMIN}@`);
    const push = (at: string) =>
      gitOutput(repo.path, ['push', `${at}/git/${ORG}.git`, 'HEAD:refs/heads/topic']).then(
        () => 'taken',
        (error: Error) => error.message,
      );

    const said = [await push(url), await push(right)];
    await repo.remove();

    expect(said[1]).toMatch(/looks like a secret/);
    // Git itself may repeat its address: what the server said is on these lines.
    const remote = said.flatMap((text) =>
      text.split('\n').filter((line) => line.startsWith('remote:')),
    );
    exhibits.push({ from: 'git push', bytes: Buffer.from(remote.join('\n')) });
  });

  it('is a mirror’s, whose upstream and provider give it back in what they say', async () => {
    const { url } = upstream;
    const org = { authorization: `Bearer ${ADMIN}`, 'x-waymark-org': 'copy' };
    const provider = { apiUrl: `${new URL(url).origin}/api/v1`, project: 'team/registry' };
    const refs = { tokenRef: 'token', webhookRefs: ['hook'] };
    const body = {
      slug: 'copy',
      mode: 'mirror',
      upstream: {
        url,
        credentials: { secretRef: 'upstream', username: 'reader' },
        provider: { kind: 'gitea', ...provider, ...refs },
      },
    };
    const made = await visit('/api/v1/orgs', { body });
    expect(made.status, made.text).toBe(201);
    for (const name of ['upstream', 'token', 'hook']) {
      const value = secrets.make(`${name} of a mirror`);
      await visit(`/api/v1/secrets/${name}`, { method: 'PUT', body: { value }, headers: org });
    }

    const sync = () => visit('/api/v1/upstream/sync', { body: {}, headers: org });
    const statuses = [(await sync()).status];
    isUpstreamBroken = false;
    statuses.push((await sync()).status);
    await visit('/api/v1/upstream', { headers: org });
    const wrong = { 'x-gitea-signature': secrets.make('wrong signature') };
    statuses.push((await visit('/hooks/copy/gitea', { body: '{}', headers: wrong })).status);
    const secretUrl = `https://x:${secrets.make('password in an address')}@example.com/a`;
    const change = { method: 'PUT', body: { url: secretUrl }, headers: org };
    statuses.push((await visit('/api/v1/upstream', change)).status);

    expect(statuses).toEqual([502, 200, 401, 422]);
  });

  it('is there when the server starts again, and something breaks', async () => {
    await server.kill('SIGTERM');
    exhibits.push({ from: 'first log', bytes: Buffer.from(server.log()) });
    // A release that fails in its middle is an error with a stack in the log.
    const failpoints = 'publish.ref-updated=error';
    // With a queue of its own, so that what waited for Redis is tried now.
    server = await startServer({ dataDir, env: { ...settings, REDIS_URL: '' }, failpoints });
    const headers = {
      authorization: `Bearer ${ADMIN}`,
      'x-waymark-org': ORG,
      cookie: `theirs=${secrets.make('another site’s cookie')}`,
      'idempotency-key': secrets.make('idempotency key of a fault'),
    };
    const body = { version: '9.0.0', notes: plant };
    const { status } = await visit('/api/v1/components/sales/versions', { body, headers });
    const oidc = await visit('/api/v1/auth/oidc/login', { headers: nothingSent });

    expect(status).toBe(500);
    expect(oidc.status).toBeGreaterThanOrEqual(500);
    expect(server.log()).toContain('a request failed');
    await expect.poll(() => server.log(), { timeout: 30_000 }).toContain('a job failed');
    expect(upstream.asked.some((asked) => asked.includes('/api/v1/repos/'))).toBe(true);
  });
});

describe('whoever looks everywhere afterwards', () => {
  it('reads every list and document', async () => {
    const { paths } = (await visit('/openapi.json')).body as OpenApi;
    const plain = Object.entries(paths).filter(
      ([path, { get }]) => get && !path.includes('{') && path !== '/api/v1/backup',
    );
    for (const [path] of plain) await visit(path);
    for (const path of ['/docs', '/healthz', '/readyz']) await visit(path);
    await visit('/api/v1/audit?format=ndjson');
    await visit('/api/v1/audit?pageSize=100', {
      headers: { authorization: `Bearer ${ADMIN}`, 'x-waymark-org': '*' },
    });
    await visit('/metrics', { headers: { authorization: `Bearer ${METRICS}` } });
    for (const path of ['index', 'plugins', 'clients', 'root', 'keys']) {
      await visit(`/v1/orgs/${ORG}/delivery/${path}`);
    }
    expect(plain.length).toBeGreaterThan(10);
  });

  it('takes a backup with the master key', async () => {
    const answer = await fetch(`${server.url}/api/v1/backup`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ passphrase: secrets.make('passphrase of a backup') }),
    });
    const files = await filesIn(Buffer.from(await answer.arrayBuffer()));

    for (const [name, bytes] of files) exhibits.push({ from: `backup: ${name}`, bytes });
    expect([...files.keys()]).toContain('master-key.json');
  });

  it('reads the log, and the database’s files', async () => {
    exhibits.push({ from: 'log', bytes: Buffer.from(server.log()) });
    for (const name of await readdir(dataDir)) {
      if (!name.startsWith('waymark.db')) continue;
      exhibits.push({ from: `file ${name}`, bytes: await readFile(join(dataDir, name)) });
    }
  });

  it('finds no secret', () => {
    expect(secrets.leaksIn(exhibits)).toEqual([]);
  });

  it.each([
    'log',
    'GET /metrics',
    'GET /api/v1/audit',
    'GET /api/v1/audit?format=ndjson',
    'GET /api/v1/api-keys',
    'POST /api/v1/session',
    `GET /v1/orgs/${plant}/delivery/index`,
    'backup: database/apiKey.ndjson',
    'backup: database/audit.ndjson',
    'file waymark.db-wal',
  ])('would find it in: %s', (from) => {
    expect(planted.leaksIn(exhibits)).toContain(`planted in ${from} as plain`);
  });
});

/** What the parser refuses never becomes a request. */
async function rawRequest(bytes: string): Promise<void> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, 'close');
  exhibits.push({ from: 'the parser', bytes: Buffer.concat(chunks) });
}
