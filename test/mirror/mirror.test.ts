import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextDelayMs } from '../../src/mirror/schedule.ts';
import { processesOf } from '../support/children.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror } from '../support/mirror.ts';
import { plugin, skill, smallRegistry } from '../support/registry.ts';

const MINUTE_MS = 60_000;

let upstream: TestRepository;
let server: HttpBackend;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  server = await serveHttpBackend(upstream.path);
  test = await openMirror({ url: server.url });
});

afterEach(async () => {
  await test.close();
  await server.close();
  await upstream.remove();
});

const served = () => test.org.runtime.maybeView?.published.commit;

/** Until a request has come and waits; `go` answers it and those after it. */
function hold(): { arrived: Promise<void>; go: () => void } {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  server.intercept = (_request, response) => {
    arrive();
    void released.then(() => response.writeHead(503).end());
    return true;
  };
  return {
    arrived,
    go() {
      server.intercept = () => false;
      release();
    },
  };
}

describe('nextDelayMs', () => {
  it('is a minute, doubled with each failure up to a quarter of an hour', () => {
    const delays = [0, 1, 2, 3, 4, 5, 50].map((failures) => nextDelayMs(failures, 0.5));

    expect(delays.map((ms) => ms / MINUTE_MS)).toEqual([1, 2, 4, 8, 15, 15, 15]);
  });

  it('is spread by a tenth either way', () => {
    expect([nextDelayMs(0, 0), nextDelayMs(0, 1)]).toEqual([54_000, 66_000]);
  });
});

describe('a mirror', () => {
  it('looks again after a minute', async () => {
    await test.sync();
    const next = await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });

    test.elapse();

    await expect.poll(served).toBe(next);
    await test.mirror.settled();
    expect(test.delays).toEqual([MINUTE_MS, MINUTE_MS]);
  });

  it('waits longer with each failure, and a minute again after a success', async () => {
    server.intercept = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    for (let turn = 0; turn < 3; turn++) await expect(test.sync()).rejects.toThrow();
    server.intercept = () => false;

    await test.sync();

    expect(test.delays).toEqual([2 * MINUTE_MS, 4 * MINUTE_MS, 8 * MINUTE_MS, MINUTE_MS]);
  });

  it('looks at once after a hint, however long it was to wait', async () => {
    server.intercept = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    await expect(test.sync()).rejects.toThrow();
    test.mirror.hint();
    await test.mirror.settled();
    server.intercept = () => false;

    test.mirror.hint();

    await expect.poll(served).toBe(upstream.head);
    // The hint that failed counted as a first failure.
    expect(test.delays.slice(0, 2)).toEqual([2 * MINUTE_MS, 2 * MINUTE_MS]);
  });

  it('answers those who ask during a sync by one later sync', async () => {
    const { arrived, go } = hold();
    const running = test.sync();
    const outcome = expect(running).rejects.toThrow();
    await arrived;

    const [one, other] = [test.sync(), test.sync()];
    go();
    await outcome;
    await one;

    expect(other).toBe(one);
    expect(served()).toBe(upstream.head);
    expect(test.delays).toHaveLength(2);
  });

  it('tells of its conditions, and of an upstream that is gone for five minutes', async () => {
    await test.sync();
    const before = upstream.head;
    await upstream.commit({ 'plugins/sales/plugin.yaml': plugin('nonsense: 1') });
    await test.sync();
    expect(test.mirror.health()).toMatchObject([{ org: 'acme', kind: 'broken-commit' }]);

    await upstream.git('update-ref', 'refs/heads/main', before);
    await server.close();
    await expect(test.sync()).rejects.toThrow();
    const since = new Date(test.org.nowMs).toISOString();
    test.org.nowMs += 5 * MINUTE_MS - 1;
    expect(test.mirror.health()).toHaveLength(1);
    test.org.nowMs += 1;

    expect(test.mirror.health()[1]).toEqual({ org: 'acme', kind: 'unreachable', since });
  });

  it('takes nothing into a repository that is known to be damaged', async () => {
    const since = new Date(test.org.nowMs).toISOString();
    await test.org.runtime.setQuarantine({ org: 'acme', since, reason: 'a lost object' });

    await expect(test.sync()).rejects.toMatchObject({ code: 'REG_CORRUPT' });

    expect(server.asked).toEqual([]);
    expect((await test.upstream()).lastError?.reason).toBe('REG_CORRUPT');
  });

  it('ends its git when the runtime closes, and asks no more', async () => {
    const { arrived } = hold();
    const outcome = expect(test.sync()).rejects.toMatchObject({ reason: 'stopped' });
    await arrived;

    test.org.runtime.close();
    await outcome;

    expect(test.delays).toEqual([]);
    expect((await test.upstream()).lastAttemptAt).toBeNull();
    await expect.poll(() => processesOf('git', server.url)).toEqual([]);
  });
});
