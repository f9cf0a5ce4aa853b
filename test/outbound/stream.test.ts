import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllowList } from '../../src/outbound/address.ts';
import { type OutboundRequest, outboundStream } from '../../src/outbound/fetch.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function open(listener: RequestListener, request: OutboundRequest = {}) {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const allow = parseAllowList('127.0.0.1');
  return await outboundStream(`http://127.0.0.1:${port}/`, request, { allow });
}

/** Answers the first piece, and keeps the answer for more. */
function halfway() {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const listener: RequestListener = (_request, response) => {
    response.writeHead(200, { 'x-a': 'b' }).write('first');
    resolve(response);
  };
  return { listener, response: promise };
}

const textOf = async (piece: Promise<IteratorResult<Buffer, void>>) =>
  (await piece).value?.toString();

describe('outboundStream', () => {
  it('gives each piece as it comes', async () => {
    const { listener, response } = halfway();

    const { status, headers, body } = await open(listener);
    const first = await textOf(body.next());
    (await response).end('last');

    expect([status, headers['x-a'], first]).toEqual([200, 'b', 'first']);
    expect(await textOf(body.next())).toBe('last');
    expect(await body.next()).toEqual({ done: true, value: undefined });
  });

  it('hangs up when its reader has enough', async () => {
    const { listener, response } = halfway();
    const { body } = await open(listener);
    await body.next();

    const closed = new Promise((resolve) => void response.then((one) => one.on('close', resolve)));
    await body.return();

    await closed;
  });

  it('says that an answer was cut off', async () => {
    const { listener, response } = halfway();
    const { body } = await open(listener);
    await body.next();

    (await response).destroy();

    await expect(body.next()).rejects.toMatchObject({ code: 'FAILED' });
  });

  it('says so too to who reads later', async () => {
    const { listener, response } = halfway();
    const { body } = await open(listener, { timeoutMs: 100 });
    const closed = new Promise((resolve) => void response.then((one) => one.on('close', resolve)));
    await closed;

    const rest = (async () => {
      for await (const _piece of body);
    })();

    await expect(rest).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('ends when nobody waits any more', async () => {
    const ending = new AbortController();
    const { listener } = halfway();
    const { body } = await open(listener, { signal: ending.signal });
    await body.next();

    ending.abort(new Error('given up'));

    await expect(body.next()).rejects.toThrow('given up');
  });

  it('reads no more than the limit', async () => {
    const { listener } = halfway();
    const { body } = await open(listener, { limitBytes: 4 });

    await expect(body.next()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
});
