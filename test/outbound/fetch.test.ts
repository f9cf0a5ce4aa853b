import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NOTHING_ALLOWED, parseAllowList } from '../../src/outbound/address.ts';
import { outboundFetch } from '../../src/outbound/fetch.ts';
import type { Lookup } from '../../src/outbound/guard.ts';

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

  it.each(['Host', 'content-length', 'Transfer-Encoding'])('sets no %s', async (name) => {
    const answer = outboundFetch('https://1.1.1.1/', { headers: { [name]: '1' } }, inside);

    await expect(answer).rejects.toMatchObject({ code: 'REFUSED' });
  });
});
