import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveApp, type TestApp } from '../support/app.ts';

let app: TestApp;

beforeEach(async () => {
  app = await serveApp({ rows: () => [], headersTimeoutMs: 200 });
});

afterEach(() => app.close());

/** What the server says to these bytes, until it closes the connection. */
async function say(...bytes: string[]): Promise<string> {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  let said = '';
  socket.on('data', (chunk) => (said += chunk.toString()));
  await once(socket, 'connect');
  for (const each of bytes) socket.write(each);
  await once(socket, 'close');
  return said;
}

const errorIn = (answer: string) =>
  (JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { error: unknown }).error;

describe('a request that is not well-formed', () => {
  it.each([
    ['two Host headers', 'GET /healthz HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['no Host header', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ])('with %s is refused', async (_what, bytes) => {
    const answer = await say(bytes);

    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(errorIn(answer)).toEqual({ code: 'VAL_FAILED', message: 'send one Host header' });
  });

  it.each([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'this is no well-formed HTTP request'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'this is no well-formed HTTP request',
    ],
    [
      'too many headers',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'the headers are larger than 16 KiB',
    ],
  ])('with %s is answered in our own form', async (_what, bytes, status, message) => {
    const answer = await say(bytes);

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/\r\nX-Request-Id: [0-9a-f-]{36}\r\n/);
    expect(errorIn(answer)).toEqual({ code: 'VAL_FAILED', message });
  });

  it('that never ends is closed in time, and keeps nobody waiting', async () => {
    const slow = Array.from({ length: 50 }, () => say('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '));

    const healthy = await app.ask('/healthz');
    const answers = await Promise.all(slow);

    expect(healthy.status).toBe(200);
    expect(answers[0]).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(errorIn(answers[0]!)).toMatchObject({ message: 'the headers did not arrive in time' });
  });
});

describe('a request that Node would answer by itself', () => {
  it('is served though it expects what we do not know', async () => {
    const answer = await say(
      'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: the-best\r\nConnection: close\r\n\r\n',
    );

    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it('is served by HTTP/1.0, which knows no Host', async () => {
    expect(await say('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });
});
