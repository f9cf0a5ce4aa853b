import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretRoutes } from '../../src/http/secret-routes.ts';
import { createVault, type ShownSecret, type Vault } from '../../src/secrets/vault.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { testMaster } from '../support/org-keys.ts';

const CANARY = 'canary-5f1d7c';

let app: TestApp;
let vault: Vault;
let admin: string;
/** The orgs whose upstream was looked at. */
let hints: string[];

beforeEach(async () => {
  hints = [];
  app = await serveApp({
    at: '/api/v1',
    rows({ secrets }) {
      vault = createVault({ secrets, master: testMaster, clock: () => Date.UTC(2026, 2, 1) });
      return secretRoutes({ vault, mirrors: { hint: (org) => void hints.push(org) } });
    },
  });
  admin = await app.keyOf('admin');
});

afterEach(() => app.close());

const put = (name: string, body: unknown, token = admin) =>
  app.ask<{ data: ShownSecret } & Refused>(`/api/v1/secrets/${name}`, {
    method: 'PUT',
    token,
    body,
  });

describe('PUT /api/v1/secrets/:name', () => {
  it('stores what the server alone reads again', async () => {
    const answer = await put('upstream-token', { value: CANARY });

    expect(answer.status).toBe(200);
    expect(answer.body.data).toEqual({
      name: 'upstream-token',
      updatedAt: '2026-03-01T00:00:00.000Z',
      updatedBy: expect.stringMatching(/^key:/),
    });
    expect(await vault.read('acme', 'upstream-token')).toBe(CANARY);
    expect(await vault.read('globex', 'upstream-token')).toBeUndefined();
  });

  it('has the upstream looked at, which may have waited for it', async () => {
    await put('upstream-token', { value: CANARY });

    expect(hints).toEqual(['acme']);
  });

  it('replaces the secret of that name', async () => {
    await put('token', { value: 'first' });

    await put('token', { value: 'zweites ☂' });

    expect(await vault.read('acme', 'token')).toBe('zweites ☂');
  });

  it.each([
    ['Upper', { value: 'x' }, 'name'],
    ['a--b', { value: 'x' }, 'name'],
    ['token', {}, 'value'],
    ['token', { value: '' }, 'value'],
    ['token', { value: 7 }, 'value'],
    ['token', { value: 'x', old: 'y' }, 'old'],
  ])('refuses %s %j by its field', async (name, body, field) => {
    const answer = await put(name, body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field }]);
  });

  it('refuses a value of more than 64 KiB', async () => {
    const [longest, longer] = [65_536, 65_537].map((length) => ({ value: 'x'.repeat(length) }));

    expect((await put('token', longest)).status).toBe(200);
    expect((await put('token', longer)).body.error.code).toBe('VAL_FAILED');
  });

  it('is 403 for those who may not', async () => {
    const answer = await put('token', { value: 'x' }, await app.keyOf('publisher'));

    expect([answer.status, answer.body.error.code]).toEqual([403, 'PERM_DENIED']);
  });
});

describe('GET /api/v1/secrets', () => {
  it('lists the org’s names, without values', async () => {
    await put('b', { value: CANARY });
    await put('a', { value: CANARY });
    await put('c', { value: CANARY }, await app.keyOf('admin', 'globex'));

    const answer = await app.ask<{ data: ShownSecret[] }>('/api/v1/secrets', { token: admin });

    expect(answer.body.data.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(answer.text).not.toContain(CANARY);
    expect(answer.text).not.toContain('wrapped');
  });
});

describe('DELETE /api/v1/secrets/:name', () => {
  const remove = (name: string) =>
    app.ask<Refused>(`/api/v1/secrets/${name}`, { method: 'DELETE', token: admin });

  it('takes the secret away', async () => {
    await put('token', { value: CANARY });

    expect((await remove('token')).status).toBe(204);
    expect(await vault.read('acme', 'token')).toBeUndefined();
  });

  it('is 404 for one that is not there, or another org’s', async () => {
    await put('theirs', { value: CANARY }, await app.keyOf('admin', 'globex'));

    const [foreign, unknown] = [await remove('theirs'), await remove('nobodys')];

    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect(foreign.body.error.message).toBe('there is no secret theirs');
  });
});

describe('a secret', () => {
  it('stands in no audit entry and no log', async () => {
    await put('token', { value: CANARY });
    await put('token', { value: CANARY, more: CANARY });

    const entries = await app.stores.audit.list('acme', 0, 10);

    expect(entries.map(({ action }) => action)).toContain('secret.put');
    expect(JSON.stringify([entries, app.logged])).not.toContain(CANARY);
  });

  it('does not open in the row of another org or name', async () => {
    const { secrets } = app.stores;
    await put('token', { value: CANARY });
    const stored = (await secrets.find('acme', 'token'))!;
    const entry = { at: stored.updatedAt, tenant: 'acme', actor: 'x', action: 'x', resource: 'x' };

    await secrets.put({ ...stored, name: 'other' }, entry);
    await secrets.put({ ...stored, org: 'globex' }, entry);

    await expect(vault.read('acme', 'other')).rejects.toMatchObject({ code: 'SIGN_KEY_MISSING' });
    await expect(vault.read('globex', 'token')).rejects.toMatchObject({
      code: 'SIGN_KEY_MISSING',
    });
  });
});
