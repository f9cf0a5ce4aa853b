import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { feedTokenRoutes } from '../../src/http/feed-token-routes.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';

interface Made {
  data: { id: string; token: string };
}

const path = '/api/v1/feed-tokens';
const screen = { name: 'wall screen', selector: { channel: 'stable', plugins: ['sales'] } };

let app: TestApp;
let admin: string;

beforeEach(async () => {
  app = await serveApp({
    at: '/api/v1',
    rows: ({ feedTokens }) => feedTokenRoutes({ feedTokens, clock: Date.now }),
  });
  admin = await app.keyOf('admin');
});

afterEach(() => app.close());

const make = (body: object = screen, token = admin) => app.ask<Made>(path, { token, body });

describe('POST /api/v1/feed-tokens', () => {
  it('shows the token this once', async () => {
    const { status, body, headers } = await make();

    expect(status).toBe(201);
    expect(body.data).toMatchObject({ ...screen, org: 'acme', teams: [], revokedAt: null });
    expect(body.data.token).toMatch(/^wmf_/);
    expect(headers.get('location')).toBe(`${path}/${body.data.id}`);
    expect((await app.ask(path, { token: admin })).text).not.toMatch(/wmf_|secretHash/);
  });

  it.each([
    [{ selector: {} }, 'name'],
    [{ name: 'x' }, 'selector'],
    [{ name: 'x', selector: { channel: 'Not One' } }, 'selector.channel'],
    [{ name: 'x', selector: { channel: 'stable', release: '1.0.0' } }, 'selector'],
    [{ name: 'x', selector: { plugins: [] } }, 'selector.plugins'],
    [{ name: 'x', selector: { commit: 'abc' } }, 'selector.commit'],
    [{ name: 'x', selector: {}, expiresAt: null }, 'expiresAt'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await make(body);

    expect(answer.status).toBe(400);
    expect((answer.body as unknown as Refused).error.validationErrors).toMatchObject([{ field }]);
  });

  it('is no credential of any other route', async () => {
    const { token } = (await make()).body.data;

    const answer = await app.ask<Refused>(path, { token });

    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });

  it('is 403 for who may not', async () => {
    expect((await make(screen, await app.keyOf('editor'))).status).toBe(403);
  });
});

describe('GET /api/v1/feed-tokens/:id', () => {
  it('describes one, without what opens it', async () => {
    const { id, token: _secret, ...shown } = (await make()).body.data;

    const { text, body } = await app.ask<Made>(`${path}/${id}`, { token: admin });

    expect(body.data).toEqual({ id, ...shown });
    expect(text).not.toMatch(/wmf_|secretHash/);
  });

  it('knows none of another org', async () => {
    const { id } = (await make()).body.data;
    const token = await app.keyOf('admin', 'globex');

    expect((await app.ask(`${path}/${id}`, { token })).status).toBe(404);
  });
});

describe('DELETE /api/v1/feed-tokens/:id', () => {
  const revoke = (id: string, token = admin) =>
    app.ask<Refused>(`${path}/${id}`, { method: 'DELETE', token });

  it('revokes it once, and keeps it in the list', async () => {
    const { id } = (await make()).body.data;

    expect((await revoke(id)).status).toBe(204);

    expect((await revoke(id)).body.error.code).toBe('RES_NOT_FOUND');
    const list = await app.ask<{ data: { id: string; revokedAt: string }[] }>(path, {
      token: admin,
    });
    expect(list.body.data).toMatchObject([{ id, revokedAt: expect.any(String) }]);
  });

  it('knows none of another org', async () => {
    const { id } = (await make()).body.data;

    const answer = await revoke(id, await app.keyOf('admin', 'globex'));

    expect(answer.status).toBe(404);
  });
});
