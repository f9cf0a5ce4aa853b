import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { NOTHING_ALLOWED, parseAllowList } from '../../src/outbound/address.ts';
import { outboundFetch } from '../../src/outbound/fetch.ts';
import type { Lookup } from '../../src/outbound/guard.ts';

const BROTLI_QUALITY = constants.BROTLI_PARAM_QUALITY;
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

const toLoopback: Lookup = async () => [{ address: '127.0.0.1' }];
const inside = { allow: parseAllowList('inside.example'), lookup: toLoopback };

describe('outboundFetch', () => {
  it('sends the request to the pinned address, under the name that was asked for', async () => {
    const port = await serve((request, response) => {
      request.setEncoding('utf8').once('data', (body: string) => {
        response.setHeader('x-host', request.headers.host ?? '').end(`${request.method} ${body}`);
      });
    });
    const request = { method: 'POST', body: 'hello', headers: { accept: 'text/plain' } };

    const answer = await outboundFetch(`http://inside.example:${port}/a`, request, inside);

    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('POST hello');
    expect(answer.headers['x-host']).toBe(`inside.example:${port}`);
  });

  it('answers a refusal of the server like any answer', async () => {
    const port = await serve((_request, response) => response.writeHead(503).end('later'));

    const answer = await outboundFetch(`http://inside.example:${port}/`, {}, inside);

    expect([answer.status, answer.body.toString()]).toEqual([503, 'later']);
  });

  it('follows no redirect', async () => {
    let asked = 0;
    const port = await serve((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: '/other' }).end();
    });

    const answer = outboundFetch(`http://inside.example:${port}/`, {}, inside);

    await expect(answer).rejects.toMatchObject({ code: 'REDIRECTED' });
    expect(asked).toBe(1);
  });

  it('reads no more than the limit', async () => {
    const port = await serve((_request, response) => response.end('x'.repeat(1001)));
    const ask = (limitBytes: number) =>
      outboundFetch(`http://inside.example:${port}/`, { limitBytes }, inside);

    await expect(ask(1000)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect((await ask(1001)).body).toHaveLength(1001);
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('unpacks %s where it is asked to', async (encoding, pack) => {
    const port = await serve((request, response) => {
      const accepted = request.headers['accept-encoding'];
      response.setHeader('content-encoding', encoding).end(pack(`accepts ${accepted}`));
    });
    const ask = (isDecoded: boolean) =>
      outboundFetch(`http://inside.example:${port}/`, { isDecoded }, inside);

    expect((await ask(true)).body.toString()).toBe('accepts gzip, deflate, br');
    expect((await ask(false)).body).toEqual(pack('accepts undefined'));
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000), { params: { [BROTLI_QUALITY]: 1 } })],
  ])('reads no more of a %s than the limit, however small it came', async (encoding, bomb) => {
    const port = await serve((_request, response) => {
      response.setHeader('content-encoding', encoding).end(bomb);
    });
    const request = { isDecoded: true, limitBytes: 1_000_000 };

    const answer = outboundFetch(`http://inside.example:${port}/`, request, inside);

    await expect(answer).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(bomb.length).toBeLessThan(1_000_000);
  });

  it.each([
    ['toString', 'text'],
    ['gzip, gzip', 'text'],
    ['gzip', 'no gzip'],
    ['gzip', gzipSync('whole').subarray(0, 12)],
  ])('fails for a body that is packed otherwise than it says: %s', async (encoding, body) => {
    const port = await serve((_request, response) => {
      response.setHeader('content-encoding', encoding).end(body);
    });

    const answer = outboundFetch(`http://inside.example:${port}/`, { isDecoded: true }, inside);

    await expect(answer).rejects.toMatchObject({ code: 'FAILED' });
  });

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
    ['GET', 200],
  ])('takes no body for an empty one, of %s and %i', async (method, status) => {
    const port = await serve((_request, response) => {
      response.statusCode = status;
      response.setHeader('content-encoding', 'gzip').end();
    });
    const request = { isDecoded: true, method };

    const answer = await outboundFetch(`http://inside.example:${port}/`, request, inside);

    expect([answer.status, answer.body.length]).toEqual([status, 0]);
  });

  it('is given up when nobody waits any more', async () => {
    const ending = new AbortController();
    const port = await serve((_request, response) => {
      response.writeHead(200).write('half');
      ending.abort(new Error('given up'));
    });

    const request = { signal: ending.signal };
    const answer = outboundFetch(`http://inside.example:${port}/`, request, inside);

    await expect(answer).rejects.toThrow('given up');
  });

  it('waits for a resolver no longer either', async () => {
    const policy = { ...inside, lookup: () => new Promise<never>(() => {}) };

    const answer = outboundFetch('http://inside.example/', { timeoutMs: 20 }, policy);

    await expect(answer).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('waits no longer than the time given', async () => {
    const port = await serve((_request, response) => response.writeHead(200).write('half'));

    const answer = outboundFetch(`http://inside.example:${port}/`, { timeoutMs: 50 }, inside);

    await expect(answer).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('says when the connection fails', async () => {
    const answer = outboundFetch('http://inside.example:1/', {}, inside);

    await expect(answer).rejects.toMatchObject({ code: 'FAILED' });
  });

  it('looks once more at whom it has reached, before it sends anything', async () => {
    let asked = 0;
    const port = await serve((_request, response) => {
      asked += 1;
      response.end();
    });
    const hosts = new Set(['inside.example']);
    // What was allowed when the name was resolved is allowed no more when the connection stands.
    const lookup: Lookup = async () => {
      setImmediate(() => hosts.clear());
      return [{ address: '127.0.0.1' }];
    };
    const policy = { allow: { hosts, networks: [] }, lookup };

    const answer = outboundFetch(`http://inside.example:${port}/`, {}, policy);

    await expect(answer).rejects.toMatchObject({ code: 'REFUSED' });
    expect(asked).toBe(0);
  });

  it.each([
    ['http://public.example/', 'plain http to a host that is not named'],
    ['ftp://public.example/', 'another protocol'],
    ['file:///etc/passwd', 'a file'],
    ['https://user:word@public.example/', 'a password in the address'],
    ['https://127.1/', 'this machine'],
    ['https://[::ffff:127.0.0.1]/', 'this machine, in IPv6'],
    ['nonsense', 'no address'],
  ])('refuses %s: %s', async (url) => {
    const policy = { allow: NOTHING_ALLOWED, lookup: async () => [{ address: '1.1.1.1' }] };

    await expect(outboundFetch(url, {}, policy)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it.each([
    ['x-a', 'b\r\nx-c: d'],
    ['x-a', 'b\nc'],
    ['x-a', 'b\0'],
    ['x-a', '\u0100'],
    ['x-a:', 'b'],
    ['x a', 'b'],
    ['', 'b'],
  ])('refuses the header %j: %j, without its value', async (name, value) => {
    const answer = outboundFetch('https://1.1.1.1/', { headers: { [name]: value } }, inside);

    await expect(answer).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'a header has characters that none may have',
    });
  });

  it.each(['Host', 'Expect', 'content-length', 'Transfer-Encoding'])('sets no %s', async (name) => {
    const answer = outboundFetch('https://1.1.1.1/', { headers: { [name]: '1' } }, inside);

    await expect(answer).rejects.toMatchObject({ code: 'REFUSED' });
  });
});
