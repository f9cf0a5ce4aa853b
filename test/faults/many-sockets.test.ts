import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deeds } from './deeds.ts';
import { isFull, makeSite, type Site } from './site.ts';

const SLOW_SOCKETS = 300;
const HEADERS_TIMEOUT_MS = 10_000;
const WATCHERS = isFull ? 10_000 : 500;
/** What this process may open, and the server that it starts. */
const MOST_FILES = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
const SAMPLES = 400;
/** Below that a difference is the machine's, which other tests use at the same time. */
const NOISE_MS = isFull ? 25 : 5000;

/** Faults 18 and 19 of docs/spec/reliability.md. */
describe('a server that holds many sockets', { timeout: 300_000 }, () => {
  let site: Site;
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });

  beforeEach(async () => {
    site = await makeSite();
    return () => site.remove();
  });
  afterEach(() => agent.destroy());

  it(`closes ${SLOW_SOCKETS} that send their headers byte by byte, others unaffected`, async () => {
    const before = await p99();
    const startedAtMs = performance.now();
    const sockets = Array.from({ length: SLOW_SOCKETS }, () => crawl(site.server.url));
    const closed = sockets.map(({ isClosed }) => isClosed);

    const during = await p99();
    const answers = await Promise.all(closed);
    const tookMs = performance.now() - startedAtMs;

    expect(during).toBeLessThan(2 * before + NOISE_MS);
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 408 Request Timeout']));
    expect(tookMs).toBeGreaterThan(HEADERS_TIMEOUT_MS - 1000);
    expect(tookMs).toBeLessThan(HEADERS_TIMEOUT_MS + 120_000);
  });

  const isAllowed = !(MOST_FILES < WATCHERS + 500);
  it.runIf(isAllowed)(
    `answers as fast with ${WATCHERS} that watch, and tells them all (needs ulimit -n)`,
    async () => {
      const push = await deeds.push(site, 1);
      const before = await p99();
      const { headers } = await site.ask('index');
      const etag = headers.get('etag')!;
      const watchers = [];
      // A part at a time: the queue of connections to be taken is short.
      while (watchers.length < WATCHERS) {
        const part = Array.from({ length: 250 }, () => watch(etag));
        await Promise.all(part.map(({ isSent }) => isSent));
        watchers.push(...part);
        // Answered after all that came before it on the one thread.
        await site.ask('index');
      }

      const during = await p99();
      await push.run();
      const statuses = await Promise.all(watchers.map(({ status }) => status));

      expect(during).toBeLessThan(2 * before + NOISE_MS);
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(statuses).toHaveLength(WATCHERS);
    },
  );

  /** Of the management API, in milliseconds. */
  async function p99(): Promise<number> {
    const samples: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const startedAtMs = performance.now();
      const answer = await site.ask('/api/v1/api-keys');
      await answer.arrayBuffer();
      samples.push(performance.now() - startedAtMs);
    }
    return samples.toSorted((a, b) => a - b)[Math.floor(SAMPLES * 0.99)]!;
  }

  function watch(etag: string) {
    const asked = request(`${site.server.url}/v1/orgs/acme/delivery/index`, {
      agent,
      headers: {
        authorization: `Bearer ${site.adminKey}`,
        'if-none-match': etag,
        prefer: 'wait=120',
      },
    });
    const isSent = once(asked, 'finish');
    const status = new Promise<number>((resolve, reject) => {
      asked.on('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      });
      asked.on('error', reject);
    });
    // It is awaited long after it may have failed.
    status.catch(() => {});
    asked.end();
    return { isSent, status };
  }
});

/** A header that never ends. Resolves with the first line of what the server says at last. */
function crawl(url: string): { isClosed: Promise<string> } {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
  let said = '';
  socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
  socket.on('error', () => {});
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const byte = setInterval(() => socket.write('a'), 500);
  const isClosed = new Promise<string>((resolve) => {
    socket.once('close', () => {
      clearInterval(byte);
      resolve(said.split('\r\n')[0]!);
    });
  });
  return { isClosed };
}
