import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MANAGEMENT_KEY, type Refused, serveApp, type TestApp } from '../support/app.ts';

const path = '/v0/management/plugins';
const BAN_MS = 30 * 60_000;

let app: TestApp;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  app = await serveApp({ rows: () => [], clock: () => nowMs });
});

afterEach(() => app.close());

const ask = async (headers: Record<string, string> = {}) => {
  const { status, body } = await app.ask<{ code: string }>(path, { headers });
  return [status, body.code];
};

describe('/v0/management', () => {
  it.each<[string, Record<string, string>]>([
    ['X-Management-Key', { 'x-management-key': MANAGEMENT_KEY }],
    ['Bearer', { authorization: `Bearer ${MANAGEMENT_KEY}` }],
    ['both', { authorization: `bearer ${MANAGEMENT_KEY}`, 'x-management-key': MANAGEMENT_KEY }],
  ])('lets the management key in as %s', async (_how, headers) => {
    expect(await ask(headers)).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('counts for the rate limit of the address, before any key is looked at', async () => {
    await app.close();
    app = await serveApp({ rows: () => [], rateLimit: 10, clock: () => nowMs });
    const headers = { 'x-management-key': MANAGEMENT_KEY };

    const first = await app.ask(path, { headers });

    expect(first.headers.get('x-ratelimit-limit')).toBe('10');
    expect(await ask(headers)).toEqual([429, 'RATE_LIMITED']);
  });

  it('is 401 without one', async () => {
    expect(await ask()).toEqual([401, 'AUTH_TOKEN_MISSING']);
    expect(await ask({ 'x-api-key': MANAGEMENT_KEY })).toEqual([401, 'AUTH_TOKEN_MISSING']);
  });

  it.each<[string, () => Record<string, string> | Promise<Record<string, string>>]>([
    ['a wrong one', () => ({ 'x-management-key': 'a-wrong-one' })],
    [
      'a site admin’s key',
      async () => ({ authorization: `Bearer ${await app.keyOf('owner', null)}` }),
    ],
    ['another scheme', () => ({ authorization: `Basic ${MANAGEMENT_KEY}` })],
    [
      'two that differ',
      () => ({ authorization: 'Bearer another', 'x-management-key': MANAGEMENT_KEY }),
    ],
  ])('is 401 with %s', async (_what, headers) => {
    expect(await ask(await headers())).toEqual([401, 'AUTH_TOKEN_INVALID']);
  });

  it('bans an address after five wrong keys, for half an hour', async () => {
    for (let i = 0; i < 5; i += 1) await ask({ 'x-management-key': `guess-${i}` });

    const answer = await app.ask(path, { headers: { 'x-management-key': MANAGEMENT_KEY } });

    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'PERM_BANNED' });
    expect(answer.headers.get('retry-after')).toBe('1800');
    nowMs += BAN_MS;
    expect(await ask({ 'x-management-key': MANAGEMENT_KEY })).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('opens nothing else', async () => {
    const answer = await app.ask<Refused>('/api/v1/orgs', { token: MANAGEMENT_KEY });

    expect(answer.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });
});
