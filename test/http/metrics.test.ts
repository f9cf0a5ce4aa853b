import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answered } from '../../src/http/answered.ts';
import { sendError } from '../../src/http/errors.ts';
import { listen } from '../../src/http/listen.ts';
import { createMetrics, createMetricsApp, metricsRouter } from '../../src/http/metrics.ts';

const TOKEN = 'a-token-for-metrics-only';

const answered = (part: Partial<Answered> = {}): Answered => ({
  method: 'GET',
  route: '/api/v1/orgs',
  status: 200,
  elapsedMs: 3,
  requestId: 'r',
  isHot: false,
  ...part,
});

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

async function serve(app: express.Express): Promise<string> {
  const server = createServer(app);
  servers.push(server);
  return await listen(server, { host: '127.0.0.1', port: 0 });
}

async function serveRouter(token: string | null): Promise<string> {
  const app = express();
  app.use(metricsRouter(createMetrics([]), token));
  app.use((_request, response) => void response.status(404).end());
  app.use(sendError(() => {}));
  return await serve(app);
}

describe('createMetrics', () => {
  it('counts answers by method, route and status', async () => {
    const metrics = createMetrics([]);

    metrics.onAnswered(answered());
    metrics.onAnswered(answered());
    metrics.onAnswered(answered({ status: 404 }));

    const text = await metrics.text();
    expect(text).toContain(
      'waymark_http_requests_total{method="GET",route="/api/v1/orgs",status="200"} 2',
    );
    expect(text).toContain(
      'waymark_http_requests_total{method="GET",route="/api/v1/orgs",status="404"} 1',
    );
  });

  it('puts durations into buckets, in seconds', async () => {
    const metrics = createMetrics([]);

    metrics.onAnswered(answered({ elapsedMs: 3 }));

    const text = await metrics.text();
    const bucket = (le: string) =>
      `waymark_http_request_duration_seconds_bucket{le="${le}",method="GET",route="/api/v1/orgs"}`;
    expect(text).toContain(`${bucket('0.0025')} 0`);
    expect(text).toContain(`${bucket('0.005')} 1`);
  });

  it('has readings as they are now, and forgets those of what is gone', async () => {
    let orgs = ['acme', 'globex'];
    const read = async () => orgs.map((org) => ({ labels: { org }, value: 1 }));
    const metrics = createMetrics([{ name: 'things', help: 'Things.', labels: ['org'], read }]);
    expect(await metrics.text()).toContain('waymark_things{org="globex"} 1');

    orgs = ['acme'];

    const text = await metrics.text();
    expect(text).toContain('waymark_things{org="acme"} 1');
    expect(text).not.toContain('globex');
  });

  it('leaves a reading out that fails, and keeps the others', async () => {
    const metrics = createMetrics([
      { name: 'broken', help: 'Broken.', read: () => Promise.reject(new Error('down')) },
      { name: 'whole', help: 'Whole.', read: async () => [{ value: 7 }] },
    ]);

    const text = await metrics.text();

    expect(text).toContain('waymark_whole 7');
    expect(text).not.toMatch(/^waymark_broken /m);
  });

  it('has the process and its event loop', async () => {
    const text = await createMetrics([]).text();

    expect(text).toMatch(/^waymark_nodejs_eventloop_lag_seconds /m);
    expect(text).toMatch(/^waymark_process_resident_memory_bytes \d/m);
  });
});

describe('GET /metrics', () => {
  it('is not there without a token', async () => {
    expect((await fetch(`${await serveRouter(null)}/metrics`)).status).toBe(404);
  });

  it.each([
    [{}, 'AUTH_TOKEN_MISSING'],
    [{ authorization: 'Bearer another-token-than-that' }, 'AUTH_TOKEN_INVALID'],
    [{ authorization: `Basic ${TOKEN}` }, 'AUTH_TOKEN_MISSING'],
  ])('refuses %o: 401', async (headers, code) => {
    const answer = await fetch(`${await serveRouter(TOKEN)}/metrics`, { headers });

    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code } });
  });

  it('is 405 by another method', async () => {
    const answer = await fetch(`${await serveRouter(TOKEN)}/metrics`, { method: 'DELETE' });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it('answers whoever has the token', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`${await serveRouter(TOKEN)}/metrics`, { headers });

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('asks for nothing on a port of its own', async () => {
    const url = await serve(createMetricsApp(createMetrics([])));

    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect((await fetch(`${url}/api/v1/orgs`)).status).toBe(404);
  });
});
