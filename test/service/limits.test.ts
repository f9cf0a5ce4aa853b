import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { redisServer } from '../support/backends.ts';
import { type RunningRedis, startRedis } from '../support/redis.ts';
import { openService, type TestService } from '../support/service.ts';

const isThere = (await redisServer()) !== undefined;

/** However slow the machine is, a bucket is refilled by `advance` alone. */
function standingClock() {
  const nowMs = Date.now();
  return { now: () => nowMs };
}

describe('an organisation’s tier', () => {
  let service: TestService;

  beforeEach(async () => {
    service = await openService(undefined, { WAYMARK_RATE_LIMIT: '' }, standingClock());
  });

  afterEach(() => service.close());

  it('says how much its principals may ask, from the moment that it is set', async () => {
    const site = { token: service.admin };
    await ask(`${service.url}/api/v1/orgs`, { ...site, body: { slug: 'acme', initial: 'empty' } });
    const headers = { 'x-waymark-org': 'acme' };
    const made = await ask<{ data: { key: string } }>(`${service.url}/api/v1/api-keys`, {
      ...site,
      headers,
      body: { name: 'ci', roles: ['owner'] },
    });
    const limit = async () => {
      const token = made.body.data.key;
      const answer = await ask(`${service.url}/api/v1/releases`, { token });
      return [
        answer.headers.get('x-ratelimit-limit'),
        Number(answer.headers.get('x-ratelimit-remaining')) > 100,
      ];
    };
    expect(await limit()).toEqual(['1000', false]);

    const org = `${service.url}/api/v1/orgs/acme`;
    await ask(org, { ...site, method: 'PUT', body: { tier: 'premium' } });
    service.advance(60_000);

    expect(await limit()).toEqual(['5000', true]);
  });
});

describe('a client that asks all day', () => {
  /** Ten at once, and a hundred that are light. */
  const settings = { WAYMARK_RATE_LIMIT: '100' };
  let service: TestService;
  let base: string;
  let client: { clientId: string; token: string };

  beforeEach(async () => {
    service = await openService(undefined, settings, standingClock());
    base = `${service.url}/v1/orgs/acme/delivery`;
    const site = { token: service.admin };
    await ask(`${service.url}/api/v1/orgs`, { ...site, body: { slug: 'acme' } });
    const enrolled = await ask<typeof client>(`${base}/clients`, { ...site, body: { name: 'a' } });
    client = enrolled.body;
  });

  afterEach(() => service.close());

  const index = (headers: Record<string, string> = {}) =>
    ask<Refused>(`${base}/index`, { token: client.token, headers });

  it('uses up nothing by what has not changed, on the hot path and off it', async () => {
    const etag = (await index()).headers.get('etag') ?? '';

    for (let i = 0; i < 30; i += 1) {
      expect((await index({ 'if-none-match': etag })).status).toBe(304);
    }

    expect(service.hotAnswers()).toBeGreaterThan(20);
    expect(Number((await index()).headers.get('x-ratelimit-remaining'))).toBeGreaterThanOrEqual(7);
  });

  it('uses up nothing by its reports', async () => {
    const report = () =>
      ask(`${base}/clients/${client.clientId}/state`, {
        token: client.token,
        body: { plugins: [] },
      });

    for (let i = 0; i < 20; i += 1) expect((await report()).status).toBe(200);

    expect((await report()).headers.get('x-ratelimit-limit')).toBe('1000');
    expect((await index()).headers.get('x-ratelimit-remaining')).toBe('9');
  });

  it('is told by the hot path too how long to wait', async () => {
    let answer = await index();
    for (let i = 0; i < 100 && answer.status === 200; i += 1) answer = await index();

    expect(service.hotAnswers()).toBeGreaterThan(5);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(answer.body.error).toMatchObject({ code: 'RATE_LIMITED', details: { scope: 'client' } });
  });
});

describe.skipIf(!isThere)('two servers with one Redis', () => {
  let redis: RunningRedis;
  let services: TestService[] = [];

  beforeEach(async () => {
    redis = await startRedis();
    const settings = { WAYMARK_RATE_LIMIT: '100', REDIS_URL: redis.url };
    const clock = standingClock();
    services = await Promise.all([1, 2].map(() => openService(undefined, settings, clock)));
  });

  afterEach(async () => {
    await Promise.all(services.map((service) => service.close()));
    await redis.stop();
  });

  it('have one limit', async () => {
    const [one, other] = services.map(
      ({ url }) =>
        () =>
          ask<Refused>(`${url}/nowhere`),
    );
    for (let i = 0; i < 10; i += 1) expect((await one!()).status).toBe(404);

    let passed = 0;
    let answer = await other!();
    for (; answer.status === 404; answer = await other!()) passed += 1;

    expect(passed).toBeLessThan(10);
    expect(answer.status).toBe(429);
    expect(answer.body.error.details).toMatchObject({ scope: 'address' });
  });
});
