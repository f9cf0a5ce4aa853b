import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/app.ts';
import { type RunningServer, startServer } from '../support/server.ts';

const TOKEN = 'a-token-for-metrics-only';
const INDEX = '/v1/orgs/acme/delivery/index';
let server: RunningServer;

beforeAll(async () => {
  server = await startServer({
    env: { WAYMARK_METRICS_TOKEN: TOKEN, WAYMARK_METRICS_PORT: '0', WAYMARK_LOG_LEVEL: 'debug' },
  });
});
afterAll(() => server.stop());

interface Line {
  level: number;
  msg: string;
  url?: string;
  route?: string;
  [fact: string]: unknown;
}

/** The log's lines, as soon as one of them is what is waited for. */
async function lineWith(isWanted: (line: Line) => boolean): Promise<Line> {
  return await expect
    .poll(() => linesOf(server).find(isWanted))
    .toBeDefined()
    .then(() => linesOf(server).find(isWanted)!);
}

const linesOf = (running: RunningServer): Line[] =>
  running
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

const get = (path: string, token = server.adminKey) => ask(server.url + path, { token });

describe('the log', () => {
  it('has a line for a request, by its route’s pattern', async () => {
    const { headers } = await get('/api/v1/orgs/acme?secret=hunter2');
    const requestId = headers.get('x-request-id');

    const {
      time: _time,
      pid: _pid,
      hostname: _host,
      elapsedMs,
      ...line
    } = await lineWith((one) => one['requestId'] === requestId);

    expect(line).toEqual({
      level: 30,
      msg: 'answered',
      method: 'GET',
      route: '/api/v1/orgs/:slug',
      status: 200,
      requestId,
      org: '*',
      actor: expect.stringMatching(/^key:/) as string,
    });
    expect(elapsedMs).toBeGreaterThan(0);
    expect(server.log()).not.toContain('hunter2');
  });

  it('names no path for what is no route', async () => {
    const { headers } = await get('/nowhere/wmf_0123456789abcdef_secret');

    const line = await lineWith((one) => one['requestId'] === headers.get('x-request-id'));

    expect(line).toMatchObject({ route: 'none', status: 404 });
    expect(server.log()).not.toContain('wmf_');
  });

  it('tells of the hot path at debug', async () => {
    for (const _ of [1, 2, 3]) await get(INDEX);

    const line = await lineWith(({ level, route }) => level === 20 && route !== undefined);

    expect(line.route).toBe('/v1/orgs/:orgId/delivery/index');
  });
});

describe('GET /metrics', () => {
  it('counts the hot path’s answers as the others', async () => {
    const count = async () => {
      const { text } = await get('/metrics', TOKEN);
      const pattern = /requests_total\{method="GET",route="(.*)\/index",status="200"\} (\d+)/;
      return Number(pattern.exec(text)?.[2] ?? 0);
    };
    await get(INDEX);
    const before = await count();

    for (const _ of [1, 2, 3, 4]) await get(INDEX);

    await expect.poll(count).toBe(before + 4);
  });

  it('tells how each organisation is', async () => {
    const { text } = await get('/metrics', TOKEN);

    expect(text).toContain('waymark_registry_diagnostics{org="acme"} 0');
    expect(text).toMatch(/^waymark_activation_sequence\{org="acme"\} \d{10}$/m);
    expect(text).toContain('waymark_audit_gap{org="acme"} 0');
    expect(text).toMatch(/^waymark_git_objects_read\{kind="blobs"\} \d+$/m);
  });

  it('tells of jobs, of the queue and of the disk', async () => {
    const { text } = await get('/metrics', TOKEN);

    expect(text).toMatch(/^waymark_jobs\{state="pending"\} [1-9]\d*$/m);
    expect(text).toContain('waymark_jobs{state="troubled"} 0');
    expect(text).toContain('waymark_queue_reachable 1');
    expect(text).toMatch(/^waymark_storage_free_bytes [1-9]/m);
  });

  it('tells of what hooks and receivers wait for', async () => {
    const { text } = await get('/metrics', TOKEN);

    expect(text).toMatch(/^waymark_hook_events_waiting\{org="acme"\} \d+$/m);
    expect(text).toContain('waymark_webhooks{org="acme",state="pending"} 0');
    expect(text).toContain('waymark_webhooks_oldest_seconds{org="acme"} 0');
  });

  it('is on a port of its own as well', async () => {
    const { url } = await lineWith(({ msg }) => msg === 'metrics have a port of their own');

    const answer = await fetch(url!);

    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('waymark_http_requests_total');
  });
});
