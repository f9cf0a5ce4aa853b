import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllowList } from '../../../src/outbound/address.ts';
import type { Lookup } from '../../../src/outbound/guard.ts';
import { holderIn } from '../../../src/plugin-host/callbacks/secret-of.ts';
import { acting, insideNetwork, type OpenedCall, openCall } from '../../support/callbacks.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Seen {
  request: IncomingMessage;
  body: string;
}

/** Remembers what came, and answers `ok`. */
async function serveOk(): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const port = await serve((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      seen.push({ request, body });
      response.end('ok');
    });
  });
  return { port, seen };
}

interface Answer {
  status: number;
  headers: Record<string, string[]>;
  body: string;
}

const NAMES = 'api.example.net,a.api.example.net,other.example,example.net';

/** A plugin that may reach `hosts`, all of which lead to this machine. */
async function openHttp(
  hosts: readonly string[],
  { manifest, deps, ...rest }: OpenedCall & { methods?: readonly string[] } = {},
) {
  const { methods, ...opened } = rest;
  const permissions = { http: [{ hosts, ...(methods && { methods }) }] };
  const host = await openCall({
    ...opened,
    manifest: { permissions, ...manifest },
    deps: { outbound: insideNetwork(NAMES), ...deps },
  });
  const ask = (params: object) => host.call('host.http.do', params) as Promise<Answer>;
  return { ...host, ask };
}

describe('host.http.do', () => {
  it('sends method, headers and body, and gives the answer', async () => {
    let seen: Seen | undefined;
    const port = await serve((request, response) => {
      request.setEncoding('utf8').once('data', (body: string) => {
        seen = { request, body };
        response.writeHead(201, { 'set-cookie': ['a=1', 'b=2'], 'x-kind': 'test' }).end('é');
      });
    });
    const { ask } = await openHttp(['api.example.net']);

    const answer = await ask({
      method: 'post',
      url: `http://api.example.net:${port}/a?b=c`,
      headers: { 'Content-Type': 'text/plain', Accept: ['text/html', 'text/plain'] },
      body: Buffer.from('hello').toString('base64'),
    });

    expect(answer).toMatchObject({
      status: 201,
      headers: { 'Set-Cookie': ['a=1', 'b=2'], 'X-Kind': ['test'] },
      body: Buffer.from('é').toString('base64'),
    });
    expect([seen?.request.method, seen?.request.url, seen?.body]).toEqual([
      'POST',
      '/a?b=c',
      'hello',
    ]);
    expect(seen?.request.headers).toMatchObject({
      host: `api.example.net:${port}`,
      'content-type': 'text/plain',
      accept: 'text/html, text/plain',
      'user-agent': 'waymark-plugin/example',
    });
  });

  it('unpacks the answer, up to 1 MiB of it', async () => {
    const MiB = 1024 * 1024;
    const port = await serve(({ url }, response) => {
      const size = MiB + Number(url?.slice(1));
      response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(size)));
    });
    const { ask } = await openHttp(['api.example.net']);
    const url = `http://api.example.net:${port}`;

    const answer = await ask({ url: `${url}/0` });

    expect(Buffer.from(answer.body, 'base64')).toHaveLength(MiB);
    expect(answer.headers).not.toHaveProperty('Content-Encoding');
    await expect(ask({ url: `${url}/1` })).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      facts: { details: { reason: 'TOO_LARGE' } },
    });
  });

  it('follows no redirect', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://other.example/' }).end();
    });
    const { ask } = await openHttp(['api.example.net', 'other.example']);

    await expect(ask({ url: `http://api.example.net:${port}/` })).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      facts: { details: { reason: 'REDIRECTED' } },
    });
  });

  it('waits as long as it is asked to', async () => {
    const port = await serve((_request, response) => response.writeHead(200).write('half'));
    const { ask } = await openHttp(['api.example.net']);

    const answer = ask({ url: `http://api.example.net:${port}/`, timeoutSec: 0.02 });

    await expect(answer).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('is given up with its call', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const { records, id, ask } = await openHttp(['api.example.net']);
    const port = await serve((request) => {
      request.once('close', () => resolve());
      records.end(id);
    });

    const answer = ask({ url: `http://api.example.net:${port}/` });

    await expect(answer).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    await closed;
  });

  it.each<[string, string, boolean]>([
    ['api.example.net', 'api.example.net', true],
    ['api.example.net', 'API.Example.Net.', true],
    ['api.example.net', 'a.api.example.net', false],
    ['api.example.net', 'other.example', false],
    ['*.example.net', 'api.example.net', true],
    ['*.example.net', 'a.api.example.net', true],
    ['*.example.net', 'example.net', false],
    ['*.example.net', 'badexample.net', false],
    ['other.example', 'api.example.net@other.example', false],
  ])('of %s reaches %s: %s', async (granted, host, isReached) => {
    const { port, seen } = await serveOk();
    const { ask } = await openHttp([granted]);

    const outcome = await ask({ url: `http://${host}:${port}/` }).then(
      ({ status }) => status,
      ({ code }: { code: string }) => code,
    );

    const refused = host.includes('@') ? 'INT_ENDPOINT_REFUSED' : 'PLG_CALLBACK_REFUSED';
    expect(outcome).toBe(isReached ? 200 : refused);
    expect(seen).toHaveLength(isReached ? 1 : 0);
  });

  it('reaches the host that an admin configured, and no other port of it', async () => {
    const [inside, neighbour] = [await serveOk(), await serveOk()];
    const config = { hook: { url: `http://api.example.net:${inside.port}/hook` } };
    const { ask } = await openHttp(['config:/hook/url'], { binding: { config } });

    const answer = await ask({ url: `http://api.example.net:${inside.port}/elsewhere` });
    const other = ask({ url: `http://api.example.net:${neighbour.port}/hook` });

    expect(answer.status).toBe(200);
    await expect(other).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    expect(neighbour.seen).toEqual([]);
  });

  it.each([{}, { hook: 7 }, { hook: 'api.example.net' }, { hook: {} }])(
    'reaches nothing by a configuration of %j',
    async (config) => {
      const { ask } = await openHttp(['config:/hook'], { binding: { config } });

      await expect(ask({ url: 'https://api.example.net/' })).rejects.toMatchObject({
        code: 'PLG_CALLBACK_REFUSED',
      });
    },
  );

  it('sends the methods that were granted', async () => {
    const { port, seen } = await serveOk();
    const { ask } = await openHttp(['api.example.net'], { methods: ['POST'] });
    const url = `http://api.example.net:${port}/`;

    await ask({ method: 'POST', url });

    await expect(ask({ url })).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    expect(seen).toHaveLength(1);
  });

  it('reaches nothing for what is unsigned or unreleased, nor what was not granted', async () => {
    const unsigned = await openHttp(['api.example.net'], { guest: { hasNetwork: false } });
    const ungranted = await openHttp(['api.example.net']);
    (ungranted.record.grants as Set<string>).clear();

    const refusal = { code: 'PLG_CALLBACK_REFUSED' };
    await expect(unsigned.ask({ url: 'https://api.example.net/' })).rejects.toMatchObject(refusal);
    await expect(ungranted.ask({ url: 'https://api.example.net/' })).rejects.toMatchObject(refusal);
  });

  it('sends 60 requests in any minute, of one binding', async () => {
    const { port, seen } = await serveOk();
    const { ask, time, guest, record, records, callbacks } = await openHttp(['api.example.net']);
    const url = `http://api.example.net:${port}/`;
    await ask({ url });
    time.now += 30_000;
    for (let sent = 1; sent < 60; sent++) await ask({ url });

    await expect(ask({ url })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      facts: { details: { retryAfterSec: 30 } },
    });
    const binding = { ...record.binding, scope: 'namespace' as const, id: 'sales.example' };
    const host_callback_id = records.begin({ ...record, binding });
    await callbacks(guest, 'host.http.do', { host_callback_id, url });
    time.now += 30_000;
    await ask({ url });
    await expect(ask({ url })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(seen).toHaveLength(62);
  });

  it.each([
    { 'X-A': 'b\r\nX-C: d' },
    { 'X-A': ['b', 'c\n'] },
    { 'X\r\nA': 'b' },
    { Host: 'other.example' },
    { 'content-length': '1' },
    { 'Transfer-Encoding': 'chunked' },
    { Connection: 'keep-alive' },
    { Expect: '100-continue' },
  ])('sends no header %j', async (headers) => {
    const { ask } = await openHttp(['api.example.net']);

    await expect(ask({ url: 'http://api.example.net/', headers })).rejects.toMatchObject({
      code: 'INT_ENDPOINT_REFUSED',
    });
  });

  it.each<[string, object]>([
    ['a method', { method: 'CONNECT' }],
    ['a method', { method: 'GET / HTTP/1.1\r\nX: y' }],
    ['an address', { url: 'nonsense' }],
    ['an address', { url: 7 }],
    ['a body', { body: 'no base64!' }],
    ['a body', { body: 'YQ' }],
    ['a header', { headers: { a: 7 } }],
    ['headers', { headers: 'a: b' }],
    [
      'too many headers',
      { headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x-${i}`, '1'])) },
    ],
    ['too long headers', { headers: { 'x-a': 'a'.repeat(16_384) } }],
  ])('refuses %s: %j', async (_what, params) => {
    const { ask } = await openHttp(['api.example.net']);

    await expect(ask({ url: 'http://api.example.net/', ...params })).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    'localhost',
    '169.254.169.254',
    'mixed.example',
  ])('never reaches %s, although the plugin was granted it', async (host) => {
    const { port, seen } = await serveOk();
    const resolved: Record<string, string[]> = {
      localhost: ['127.0.0.1'],
      'mixed.example': ['1.1.1.1', '127.0.0.1'],
    };
    const lookup: Lookup = async (name) => resolved[name]!.map((address) => ({ address }));
    const outbound = { allow: parseAllowList(''), lookup };
    const granted = new URL(`http://${host}/`).hostname;
    const { ask } = await openHttp([granted], { deps: { outbound } });

    for (const scheme of ['http', 'https']) {
      const answer = ask({ url: `${scheme}://${host}:${port}/` });
      await expect(answer).rejects.toMatchObject({ code: 'INT_ENDPOINT_REFUSED' });
    }
    expect(seen).toEqual([]);
  });

  it('never reaches what a name becomes after it was checked', async () => {
    const { port, seen } = await serveOk();
    const answers = ['1.1.1.1', '127.0.0.1'];
    const asked: string[] = [];
    const lookup: Lookup = async (name) => {
      asked.push(name);
      return [{ address: answers.shift()! }];
    };
    const outbound = { allow: parseAllowList(''), lookup };
    const { ask } = await openHttp(['rebind.example'], { deps: { outbound } });

    // Plain http to what nobody named: the first answer is checked, and no second one asked for.
    const answer = ask({ url: `http://rebind.example:${port}/` });

    await expect(answer).rejects.toMatchObject({ code: 'INT_ENDPOINT_REFUSED' });
    expect([asked, seen]).toEqual([['rebind.example'], []]);
  });
});

describe('secrets in headers', () => {
  async function openWithToken(token: string, origin?: string) {
    const { port, seen } = await serveOk();
    const url = `http://api.example.net:${port}`;
    const opened = await openHttp(['config:/url', 'other.example']);
    const { secrets, record } = opened;
    const terms = { plugin: holderIn(opened.guest), origins: [origin ?? url] };
    const names = await secrets.put(
      'acme',
      record.binding,
      new Map([['token', token]]),
      terms,
      acting,
    );
    const config = { url, token: { secretRef: names.get('token') } };
    Object.assign(record.binding, { config });
    return { ...opened, port, url, seen };
  }

  it('stand for their value on the way to where the configuration leads', async () => {
    const { ask, url, seen } = await openWithToken('s3cret');

    await ask({ url, headers: { Authorization: 'Bearer secret:token', 'X-A': 'secret:token' } });

    expect(seen[0]?.request.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'x-a': 's3cret',
    });
  });

  it('go nowhere else, whatever else was granted', async () => {
    const { ask, port, seen } = await openWithToken('s3cret');
    const url = `http://other.example:${port}/`;

    const answer = ask({ url, headers: { Authorization: 'Bearer secret:token' } });

    await expect(answer).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    await ask({ url });
    expect(seen).toHaveLength(1);
  });

  it('go nowhere else either where the configuration leads nowhere any more', async () => {
    const { ask, port, seen, record } = await openWithToken('s3cret');
    const { url: _url, ...config } = record.binding.config;
    Object.assign(record.binding, { config });
    const url = `http://other.example:${port}/`;

    const answer = ask({ url, headers: { Authorization: 'Bearer secret:token' } });

    await expect(answer).rejects.toMatchObject({ code: 'INT_CREDENTIALS_REQUIRED' });
    expect(seen).toEqual([]);
  });

  it('are not multiplied', async () => {
    const { ask, url, seen } = await openWithToken('s'.repeat(60_000));

    const often = ask({ url, headers: { 'X-A': 'secret:token '.repeat(17) } });
    await expect(often).rejects.toMatchObject({
      code: 'VAL_FAILED',
      message: 'at most 16 secrets in a text',
    });
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`X-${i}`, 'secret:no']));
    await expect(ask({ url, headers: wide })).rejects.toMatchObject({
      code: 'VAL_FAILED',
      message: 'headers: at most 64 and 16384 bytes',
    });
    expect(seen).toEqual([]);
  });

  it('are resolved in headers alone', async () => {
    const { ask, url, seen } = await openWithToken('s3cret');
    const body = Buffer.from('secret:token').toString('base64');

    await ask({ method: 'POST', url: `${url}/secret:token`, body });

    expect([seen[0]?.request.url, seen[0]?.body]).toEqual(['/secret:token', 'secret:token']);
  });

  it('go to no endpoint that they were not given for', async () => {
    const { ask, url, seen } = await openWithToken('s3cret', 'https://before.example');

    const answer = ask({ url, headers: { Authorization: 'Bearer secret:token' } });

    await expect(answer).rejects.toMatchObject({ code: 'INT_CREDENTIALS_REQUIRED' });
    expect(seen).toEqual([]);
  });

  it('begin no header of their own, and are not told', async () => {
    const { ask, url } = await openWithToken('s3cret\r\nX-Evil: 1');

    const answer = ask({ url, headers: { Authorization: 'secret:token' } });

    await expect(answer).rejects.toMatchObject({ code: 'INT_ENDPOINT_REFUSED' });
    await expect(answer).rejects.not.toThrow(/s3cret/);
  });

  it('are resolved once', async () => {
    const { ask, url, seen } = await openWithToken('secret:token');

    await ask({ url, headers: { 'X-A': 'secret:token' } });

    expect(seen[0]?.request.headers['x-a']).toBe('secret:token');
  });

  it('are refused where there are none', async () => {
    const { ask, url } = await openWithToken('s3cret');

    const answer = ask({ url, headers: { 'X-A': 'secret:other' } });

    await expect(answer).rejects.toMatchObject({
      code: 'INT_CREDENTIALS_REQUIRED',
      facts: { details: { field: 'other' } },
    });
  });
});
