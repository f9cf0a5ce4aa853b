import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ask } from '../support/app.ts';
import { makeClient } from '../support/client.ts';
import { openService, type TestService } from '../support/service.ts';

const DAY_MS = 86_400_000;
const NOT_VERIFIED = 4;
const ORG = 'acme';
const INDEX = `/v1/orgs/${ORG}/delivery/index`;

interface Index {
  sequence: number;
  expiresAt: string;
}

/** Fault 13 of docs/spec/reliability.md: the clock on the wall jumps, that of the timers does not. */
describe('a wall clock that jumps a day', () => {
  let service: TestService;
  const now = Date.now.bind(Date);

  beforeAll(async () => {
    // A burst of 60 requests: whoever uses it up waits a second for the next one.
    const settings = { WAYMARK_EXAMPLE_ORG: ORG, WAYMARK_RATE_LIMIT: '600' };
    service = await openService(undefined, settings);
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => service.close());

  const jump = (ms: number) => vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);
  const api = <T>(path: string, asked: { body?: unknown; headers?: Record<string, string> } = {}) =>
    ask<T>(service.url + path, {
      token: service.admin,
      ...asked,
      headers: { 'x-waymark-org': ORG, ...asked.headers },
    });
  const release = (version: string) =>
    api('/api/v1/components/sales/versions', { body: { version } });

  it.each([
    ['forward', DAY_MS],
    ['back', -DAY_MS],
  ])('%s: what is served stays valid, and goes on', async (_where, ms) => {
    const before = await api<Index>(INDEX);
    jump(ms);

    const after = await api<Index>(INDEX);
    const released = await release(ms > 0 ? '6.0.0' : '6.1.0');
    const newest = await api<Index>(INDEX);

    expect(Date.parse(after.body.expiresAt)).toBeGreaterThan(now() + ms);
    expect(after.body.sequence).toBeGreaterThanOrEqual(before.body.sequence);
    expect(released.status, released.text).toBe(201);
    expect(newest.body.sequence).toBeGreaterThan(after.body.sequence);
    const { body } = await api<{ data: { ok: boolean } }>('/api/v1/audit/verify');
    expect(body.data.ok).toBe(true);
  });

  it.each([
    ['forward', DAY_MS],
    ['back', -DAY_MS],
  ])('%s: who waits is answered when they asked to be', async (_where, ms) => {
    const { headers } = await api(INDEX);
    const startedAtMs = performance.now();
    const waiting = api(INDEX, {
      headers: { 'if-none-match': headers.get('etag')!, prefer: 'wait=2' },
    });
    // Answered after all that came before it on the one thread.
    await api(INDEX);

    jump(ms);
    const { status } = await waiting;

    expect(status).toBe(304);
    expect(performance.now() - startedAtMs).toBeGreaterThan(1000);
    expect(performance.now() - startedAtMs).toBeLessThan(60_000);
  });

  it('back: who has used up their limit waits no longer than before', async () => {
    const { body } = await api<{ data: { key: string } }>('/api/v1/api-keys', {
      body: { name: 'eager', roles: ['viewer'] },
    });
    const asked = { token: body.data.key };
    // Otherwise a slow machine is given new requests as fast as it makes them.
    const stoppedAt = now();
    vi.spyOn(Date, 'now').mockImplementation(() => stoppedAt);
    const burst = Array.from({ length: 100 }, () => ask(service.url + INDEX, asked));
    const used = (await Promise.all(burst)).map(({ status }) => status);
    jump(-DAY_MS);

    const { headers } = await ask(service.url + INDEX, asked);
    await expect.poll(async () => (await ask(service.url + INDEX, asked)).status).toBe(200);

    expect(used).toContain(429);
    expect(Number(headers.get('retry-after') ?? 0)).toBeLessThanOrEqual(1);
  });

  it('forward, of a client alone: it refuses the index as expired, and changes nothing', async () => {
    const client = await makeClient({
      WAYMARK_URL: service.url,
      WAYMARK_ORG: ORG,
      WAYMARK_TOKEN: service.admin,
    });
    let aheadMs = 0;
    Object.defineProperty(client, 'nowMs', { get: () => now() + aheadMs });
    for (const argv of [
      ['enrol', '--name', 'laptop'],
      ['add', 'sales'],
    ]) {
      expect((await client.run(...argv)).exitCode).toBe(0);
    }
    const before = await client.files();
    aheadMs = DAY_MS + 60_000;

    const refused = await client.run('sync');
    const after = await client.files();
    aheadMs = 0;
    const taken = await client.run('sync');
    await client.remove();

    expect(refused.exitCode).toBe(NOT_VERIFIED);
    expect(refused.stderr).toMatch(/expired/);
    expect(after).toEqual(before);
    expect(taken.exitCode).toBe(0);
  });
});
