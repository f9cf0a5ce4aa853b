import { describe, expect, it } from 'vitest';
import { type AppOptions, serveApp } from '../support/app.ts';

async function askServer(path: string, options: Partial<AppOptions> = {}, method = 'GET') {
  const app = await serveApp({ rows: () => [], ...options });
  const answer = await app.ask(path, { method });
  await app.close();
  return answer;
}

describe('GET /healthz', () => {
  it('says that the process is alive, to anybody', async () => {
    const answer = await askServer('/healthz', { isReady: false });

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: 'alive' });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('GET /readyz', () => {
  it('says that it can serve', async () => {
    const answer = await askServer('/readyz');

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: 'ready', degraded: [] });
  });

  it('says what is not as it should be, while it serves', async () => {
    const degraded = ['1 organisation serves an older commit'];

    const answer = await askServer('/readyz', { degraded });

    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: 'degraded', degraded });
  });

  it('is 503 when it cannot', async () => {
    const answer = await askServer('/readyz', { isReady: false });

    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.body).toMatchObject({ status: 'unavailable' });
  });
});

describe.each(['/healthz', '/readyz'])('another method of %s', (path) => {
  it('is 405, and says which there is', async () => {
    const answer = await askServer(path, {}, 'POST');

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });
});
