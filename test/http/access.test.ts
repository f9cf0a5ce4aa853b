import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../src/http/route.ts';
import { mintClientToken } from '../../src/identity/keys.ts';
import { ROLES, type Role } from '../../src/identity/roles.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { makeClient, makeEntry } from '../support/records.ts';
import { type Mounted, routeTables } from '../support/route-table.ts';

const golden = join(import.meta.dirname, '../golden/access.txt');

/** Every route of the service, with a handler that lets in whoever gets as far as it. */
let apps: { mounted: Mounted; app: TestApp }[];

beforeAll(async () => {
  apps = await Promise.all(
    (await routeTables()).map(async (mounted) => {
      const rows = () => mounted.rows.map(withoutWork);
      return { mounted, app: await serveApp({ rows, at: mounted.at }) };
    }),
  );
});

afterAll(() => Promise.all(apps.map(({ app }) => app.close())));

function withoutWork({ body: _body, answers: _answers, query: _query, ...row }: Route): Route {
  return { ...row, handle: async () => ({ status: 204 }) };
}

const pathOf = ({ at }: Mounted, row: Route, org = 'acme') =>
  join(at, row.path.replaceAll(':orgId', org).replace(/:\w+/g, 'any'));

/** Every route, asked in some way; those whose answer is another than expected. */
async function answersOtherThan(
  status: number,
  ask: (app: TestApp, mounted: Mounted, row: Route) => Promise<{ status: number }>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { app, mounted } of apps) {
    for (const row of mounted.rows) {
      const answer = await ask(app, mounted, row);
      if (answer.status !== status)
        wrong.push(`${row.method} ${pathOf(mounted, row)} ${answer.status}`);
    }
  }
  return wrong;
}

const request = (app: TestApp, mounted: Mounted, row: Route, token?: string) =>
  app.ask<Refused>(pathOf(mounted, row), {
    method: row.method.toUpperCase(),
    ...(token === undefined ? {} : { token }),
  });

async function clientToken(app: TestApp): Promise<string> {
  const { id: enrolledBy } = await app.authenticator.authenticate(await app.keyOf('admin'));
  const { token, secretHash: tokenHash } = mintClientToken();
  await app.stores.clients.insert(makeClient(token, { enrolledBy, tokenHash }), makeEntry());
  return token;
}

function whoIs({ permission }: Route, allowed: readonly string[]): string {
  if (permission === 'public') return 'everybody, without a credential';
  if (permission === 'self') return 'whoever has a credential';
  return allowed.length === 0 ? 'the site’s administrators alone' : allowed.join(' ');
}

const tokenOf = (app: TestApp, role: Role): Promise<string> =>
  role === 'client' ? clientToken(app) : app.keyOf(role);

describe('every route', () => {
  it('is 401 without a credential, but for the public ones', async () => {
    const wrong = await answersOtherThan(401, async (app, mounted, row) => {
      const answer = await request(app, mounted, row);
      if (row.permission !== 'public') return answer;
      expect(answer.status, row.path).toBe(204);
      return { status: 401 };
    });

    expect(wrong).toEqual([]);
  });

  it('is 401 with a key that has expired', async () => {
    const wrong = await answersOtherThan(401, async (app, mounted, row) => {
      const token = await app.keyOf('owner', 'acme', '2026-01-01T00:00:00.000Z');
      return request(app, mounted, row, token);
    });

    expect(wrong).toEqual([]);
  });

  it('lets each role in where the table says so', async () => {
    const lines: string[] = [];
    for (const { app, mounted } of apps) {
      const tokens = await Promise.all(ROLES.map((role) => tokenOf(app, role)));
      const siteAdmin = await app.keyOf('owner', null);
      for (const row of mounted.rows) {
        const allowed: string[] = [];
        for (const [i, role] of ROLES.entries()) {
          const { status } = await request(app, mounted, row, tokens[i]);
          expect([204, 403]).toContain(status);
          if (status === 204) allowed.push(role);
        }
        const headers = { 'x-waymark-org': 'acme' };
        const method = row.method.toUpperCase();
        const site = await app.ask(pathOf(mounted, row), { method, token: siteAdmin, headers });
        expect(site.status, row.path).toBe(204);
        const who = whoIs(row, allowed);
        lines.push(`${method} ${join(mounted.at, row.path)}: ${who}`);
      }
    }

    await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot(golden);
  });
});

describe('another org', () => {
  it('is 404 for its neighbour’s owner, as one that is not there', async () => {
    const wrong = await answersOtherThan(404, async (app, mounted, row) => {
      if (!row.path.includes(':orgId') || row.permission === 'public') return { status: 404 };
      const token = await app.keyOf('owner', 'globex');
      const method = row.method.toUpperCase();
      const foreign = await app.ask<Refused>(pathOf(mounted, row, 'acme'), { method, token });
      const unknown = await app.ask<Refused>(pathOf(mounted, row, 'nowhere'), { method, token });
      const same = JSON.stringify(foreign.body.error).replaceAll('acme', 'nowhere');
      expect(same).toBe(JSON.stringify(unknown.body.error));
      expect(unknown.status).toBe(404);
      return foreign;
    });

    expect(wrong).toEqual([]);
  });

  it('cannot be named by its neighbour’s owner where the path names none', async () => {
    const wrong = await answersOtherThan(404, async (app, mounted, row) => {
      const isOfNoOrg = row.scope === 'site' || row.permission === 'public';
      if (row.path.includes(':orgId') || isOfNoOrg) return { status: 404 };
      const headers = { 'x-waymark-org': 'acme' };
      const token = await app.keyOf('owner', 'globex');
      return app.ask(pathOf(mounted, row), { method: row.method.toUpperCase(), token, headers });
    });

    expect(wrong).toEqual([]);
  });
});
