import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

interface Asking {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Buffer;
}

interface Said {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

const OWN_TO_EACH = ['date', 'x-request-id'];

let service: TestService;
let org: OrgApi;
let client: { clientId: string; token: string };
let commit: string;
/** Credentials by what they are; undefined is none at all. */
let tokens: Record<string, string | undefined>;
let etags: string[];

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  await org.publish('sales@1.0.0', 'ops@1.0.0');
  commit = await org.push({ 'plugins/sales/commands/quote.yaml': command('Another quote.') });
  const foreign = await openOrg(service, { org: 'others' });
  const enroller = await org.keyOf({ role: 'editor', user: 'ada@example.com' });
  client = await org.enrol(enroller);
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const expired = await org.keyOf({ role: 'viewer', expiresAt });
  tokens = {
    client: client.token,
    stableClient: (await org.enrol(enroller, { channel: 'stable' })).token,
    viewer: await org.keyOf({ role: 'viewer' }),
    member: await org.keyOf({ role: 'viewer', user: 'lea@example.com' }),
    admin: org.admin,
    siteAdmin: service.admin,
    expired,
    foreign: foreign.admin,
    wrong: 'wmk_0123456789abcdef_wrong',
    none: undefined,
  };
  // Known while it was valid: the hot path may not serve it from what it remembers.
  await org.get('/index', { token: expired });
  service.advance(3_600_001);
  etags = [];
  for (const path of ['/index', '/plugins/sales/manifest']) {
    etags.push((await org.get(path, { token: client.token })).headers.get('etag')!);
  }
  await foreign.close();
}, 60_000);

afterAll(async () => {
  await org.close();
  await service.close();
});

/** Every document, as every caller. */
function documents(): Asking[] {
  const base = '/v1/orgs/tools/delivery';
  const shapes = [
    '/index',
    '/index?channel=stable',
    '/index?channel=rolling',
    '/index?channel=nowhere',
    '/plugins/sales/manifest',
    '/plugins/sales/manifest?channel=stable',
    '/plugins/ops/manifest?channel=rolling',
    '/plugins/vault/manifest',
    '/plugins/lab/manifest',
    '/plugins/nothing/manifest',
  ];
  return shapes.flatMap((shape) =>
    Object.values(tokens).map((token) => get(`${base}${shape}`, token)),
  );
}

/** Shapes that are nearly, or not at all, the hot path's. */
function oddities(): Asking[] {
  const base = '/v1/orgs/tools/delivery';
  const shapes = [
    '/index?plugins=sales',
    '/index?channel=stable&channel=rolling',
    '/index?channel=stable&release=1.0.0',
    '/index?channel=',
    '/index?',
    '/index/',
    '/Index',
    '/index.asc',
    '/plugins/sales/manifest?release=1.0.0',
    '/plugins/sales/manifest?release=sales--v1.0.0',
    `/plugins/sales/manifest?commit=${commit}`,
    '/plugins/sales/manifest?commit=xyz',
    '/plugins/sales/manifest?environment=prod',
    '/plugins/sales/manifest?layout=claude',
    '/plugins/sales/manifest?layout=word',
    '/plugins/sales/manifest?channel=st%61ble',
    '/plugins/s%61les/manifest',
    '/plugins/sales/manifest.asc',
    '/plugins/sales/releases/1.0.0/manifest',
    '/plugins/%E0%A4%A/manifest',
  ];
  const paths = [
    ...shapes.map((shape) => base + shape),
    '/v1/orgs/others/delivery/index',
    '/v1/orgs/nowhere/delivery/index',
    '//v1/orgs/tools/delivery/index',
  ];
  return paths.map((path) => get(path, client.token));
}

function conditions(): Asking[] {
  const tags = etags.flatMap((etag) => [etag, `W/${etag}`, etag.slice(1, -1), `"x", ${etag}`]);
  const headers = [...tags, '*', '"other"', ''].map((tag) => ({ 'if-none-match': tag }));
  const others = [
    { prefer: 'respond-async' },
    { prefer: 'wait=x' },
    { 'if-modified-since': 'Sat, 29 Oct 2044 19:43:31 GMT' },
    { range: 'bytes=0-9' },
    { accept: 'text/html' },
    { 'accept-encoding': 'gzip' },
    { 'x-waymark-org': 'others' },
    { 'x-api-key': client.token },
    { 'x-api-key': 'another' },
    { authorization: `bearer ${client.token}` },
    { authorization: `Bearer  ${client.token}` },
    { authorization: `Basic ${Buffer.from(`git:${client.token}`).toString('base64')}` },
    { authorization: 'Bearer' },
  ];
  return ['/index', '/plugins/sales/manifest'].flatMap((path) =>
    [...headers, ...others].map((more) => {
      const asking = get(`/v1/orgs/tools/delivery${path}`, client.token);
      return { ...asking, headers: { ...asking.headers, ...more } };
    }),
  );
}

const methods = (): Asking[] =>
  ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].flatMap((method) =>
    ['/index', '/plugins/sales/manifest', `/clients/${client.clientId}/check-updates`].map(
      (path) => ({ ...get(`/v1/orgs/tools/delivery${path}`, client.token), method }),
    ),
  );

/** The one hot request that has a body. */
function updates(): Asking[] {
  const path = `/v1/orgs/tools/delivery/clients/${client.clientId}/check-updates`;
  const sales = { pluginId: 'sales', version: '1.0.0' };
  const bodies: (string | Buffer)[] = [
    '{}',
    'null',
    '{"installed":[]}',
    JSON.stringify({ installed: [sales] }),
    JSON.stringify({ installed: [sales], selector: { channel: 'stable' } }),
    JSON.stringify({ installed: [{ ...sales, version: undefined, commit }] }),
    JSON.stringify({ installed: [{ pluginId: 'vault' }, { pluginId: 'gone' }] }),
    JSON.stringify({ selector: { channel: 'nowhere' } }),
    JSON.stringify({ selector: { channel: 'stable', release: '1' } }),
    JSON.stringify({ selector: 7 }),
    '{"installed":7}',
    '{"installed":[{}]}',
    '{"installed":[null]}',
    '{"installed":[{"pluginId":"sales","version":1}]}',
    '[]',
    '7',
    '"text"',
    '{"installed":',
    '',
    ' ',
    '\u{feff}{}',
    Buffer.from([0x7b, 0xff, 0x7d]),
    `{"more":"${'x'.repeat(1_048_576)}"}`,
  ];
  const types = [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=latin1',
    'application/merge-patch+json',
    'text/plain',
    '',
  ];
  const post = (body: string | Buffer, more: Record<string, string> = {}): Asking => {
    const headers = { ...get(path, client.token).headers, 'content-type': 'application/json' };
    return { method: 'POST', path, body, headers: { ...headers, ...more } };
  };
  return [
    ...bodies.map((body) => post(body)),
    ...types.map((type) => post('{}', { 'content-type': type })),
    post('{}', { 'content-encoding': 'gzip' }),
    post('{}', { 'transfer-encoding': 'chunked' }),
    post('{}', { 'if-none-match': '*' }),
    ...Object.values(tokens).map((token) => ({
      ...post('{}'),
      headers: { 'content-type': 'application/json', ...get(path, token).headers },
    })),
    { ...post('{}'), path: path.replace(client.clientId, randomUUID()) },
    { ...post('{}'), path: `${path}?selector=stable` },
  ];
}

const get = (path: string, token: string | undefined): Asking => ({
  method: 'GET',
  path,
  headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
});

/** By Node's own client, which sends a request as it is given. */
function send(url: string, { method, path, headers, body }: Asking): Promise<Said> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const length = headers['transfer-encoding'] || body === undefined ? {} : lengthOf(body);
    const outgoing = httpRequest(
      { hostname, port, method, path, headers: { ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const kept = Object.entries(answer.headers).filter(
            ([name]) => !OWN_TO_EACH.includes(name),
          );
          const text = Buffer.concat(chunks).toString('latin1');
          resolve({
            status: answer.statusCode ?? 0,
            headers: Object.fromEntries(kept),
            body: withoutMeta(text),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const lengthOf = (body: string | Buffer) => ({ 'content-length': String(Buffer.byteLength(body)) });

/** A refusal tells its request's own id and time. */
const withoutMeta = (text: string): string => text.replace(/"meta":\{[^{}]*\}/, '"meta":{}');

describe('the hot path', () => {
  it.each([
    ['documents for every caller', documents],
    ['nearly its own shapes', oddities],
    ['conditional and other headers', conditions],
    ['other methods', methods],
    ['updates', updates],
  ])('answers %s as Express does, byte for byte', async (_what, list) => {
    for (const asking of list()) {
      // The second time it is in memory, where the hot path keeps it at all.
      await send(service.url, asking);
      const hot = await send(service.url, asking);
      const cold = await send(service.coldUrl, asking);

      expect(hot, JSON.stringify(asking).slice(0, 300)).toEqual(cold);
    }
  });

  it('was asked 200 requests, and answered many of them itself', () => {
    const asked = [documents, oddities, conditions, methods, updates].flatMap((list) => list());

    expect(asked.length).toBeGreaterThan(200);
    expect(service.hotAnswers()).toBeGreaterThan(100);
  });

  it('logged nothing as a fault of the server', () => {
    expect(service.logged).toEqual([]);
  });

  it('serves what a push changed at once, never what it remembers', async () => {
    const asking = get('/v1/orgs/tools/delivery/plugins/sales/manifest', client.token);
    const before = await send(service.url, asking);
    await org.push({ 'plugins/sales/README.md': 'Ask nobody.\n' });

    const after = await send(service.url, asking);

    expect(after.headers['etag']).not.toBe(before.headers['etag']);
    expect(after).toEqual(await send(service.coldUrl, asking));
  });

  it('refuses a client that was just removed', async () => {
    const asking = get('/v1/orgs/tools/delivery/index', client.token);
    expect((await send(service.url, asking)).status).toBe(200);
    await org.get(`/clients/${client.clientId}`, { method: 'DELETE' });

    expect((await send(service.url, asking)).status).toBe(401);
  });
});
