import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../src/http/route.ts';
import { callerOfClaims } from '../../src/identity/jwt-caller.ts';
import {
  mintApiKey,
  mintClientToken,
  mintFeedToken,
  mintSessionToken,
} from '../../src/identity/keys.ts';
import { type Permission, ROLES, type Role } from '../../src/identity/roles.ts';
import { MANAGEMENT_KEY, type Refused, serveApp, type TestApp } from '../support/app.ts';
import { addPerson } from '../support/people.ts';
import {
  makeApiKey,
  makeClient,
  makeEntry,
  makeFeedToken,
  makeSession,
} from '../support/records.ts';
import { type Mounted, routeTables } from '../support/route-table.ts';

const golden = join(import.meta.dirname, '../golden/access.txt');

/** Every route of the service, with a handler that lets in whoever gets as far as it. */
let apps: { mounted: Mounted; app: TestApp }[];

beforeAll(async () => {
  apps = await Promise.all(
    (await routeTables()).map(async (mounted) => {
      const rows = () => mounted.rows.map(withoutWork);
      return { mounted, app: await serveApp({ rows, at: mounted.at, resolveJwt }) };
    }),
  );
});

afterAll(() => Promise.all(apps.map(({ app }) => app.close())));

function withoutWork({ body: _body, answers: _answers, query: _query, ...row }: Route): Route {
  return { ...row, handle: async () => ({ status: 204 }) };
}

const JWT = 'eyJhbGciOiJub25lIn0.e30.AA';

/** Whatever it says of itself, it is of globex's owner. */
async function resolveJwt() {
  const names = { user: 'u', tenant: 't', roles: 'r', permissions: 'p', departments: 'd' };
  const claims = { u: 'ada', t: 'globex', r: ['owner'], exp: 0 };
  const expiresAtMs = Number.POSITIVE_INFINITY;
  return { caller: callerOfClaims(claims, names), basis: [], expiresAtMs };
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
      if (row.permission !== 'public') {
        expect(answer.body.error.code, row.path).toBe('AUTH_TOKEN_MISSING');
        return answer;
      }
      expect(answer.status, row.path).toBe(204);
      return { status: 401 };
    });

    expect(wrong).toEqual([]);
  });

  it('is 401 with a key that has expired', async () => {
    const wrong = await answersOtherThan(401, async (app, mounted, row) => {
      const token = await app.keyOf('owner', 'acme', '2026-01-01T00:00:00.000Z');
      const answer = await request(app, mounted, row, token);
      expect(answer.body.error.code, row.path).toBe('AUTH_TOKEN_EXPIRED');
      return answer;
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

/** The token of a key that differs from acme's owner's in `part`. */
async function keyWith(app: TestApp, part: Parameters<typeof makeApiKey>[1]): Promise<string> {
  const { id, token, secretHash } = mintApiKey();
  const key = makeApiKey(id, { secretHash, roles: ['owner'], user: null, ...part });
  await app.stores.apiKeys.insert(key, makeEntry());
  return token;
}

/** The cookie of somebody who may do everything. */
async function cookieOf(app: TestApp, disabledAt: string | null = null): Promise<string> {
  const { id, token, secretHash } = mintSessionToken();
  const username = `root-${id}`;
  const { id: userId } = await addPerson(
    app.stores,
    username,
    {},
    { isSiteAdmin: true, disabledAt },
  );
  const now = new Date().toISOString();
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const times = { createdAt: now, lastSeenAt: now, expiresAt };
  const session = makeSession(id, { userId, secretHash, org: 'acme', ...times });
  await app.stores.sessions.insert(session, makeEntry());
  return `waymark=${token}`;
}

/** Where a browser logs in, a session that it has counts for nothing. */
const isLogIn = ({ method, path }: Route): boolean =>
  (method === 'post' && path === '/session') || path.startsWith('/auth/oidc/');

describe('every route, by a credential that does not do', () => {
  it.each<[string, string, (app: TestApp) => Promise<string>]>([
    [
      'REVOKED',
      'a key that was revoked',
      (app) => keyWith(app, { revokedAt: '2026-01-01T00:00:00.000Z' }),
    ],
    ['INVALID', 'a token of a feed', feedToken],
    ['INVALID', 'the key of /v0/management', async () => MANAGEMENT_KEY],
    [
      'INVALID',
      'a session’s token, not in its cookie',
      async (app) => (await cookieOf(app)).slice('waymark='.length),
    ],
    [
      'INVALID',
      'a key of which a letter is another',
      async (app) => another(await keyWith(app, {})),
    ],
  ])('is 401 AUTH_TOKEN_%s with %s, the public ones too', async (why, _what, tokenFor) => {
    const wrong = await answersOtherThan(401, async (app, mounted, row) => {
      const answer = await request(app, mounted, row, await tokenFor(app));
      expect(answer.body.error.code, row.path).toBe(`AUTH_TOKEN_${why}`);
      return answer;
    });

    expect(wrong).toEqual([]);
  });

  it('is 403 with a key whose scopes leave its permission out', async () => {
    const wrong = await answersOtherThan(403, async (app, mounted, row) => {
      const { permission } = row;
      if (permission === 'public' || permission === 'self') return { status: 403 };
      const other: Permission = permission === 'secrets:read' ? 'secrets:write' : 'secrets:read';
      const org = permission === 'sites:manage' ? null : 'acme';
      const token = await keyWith(app, { org, scopes: [other] });
      const answer = await request(app, mounted, row, token);
      expect(answer.body.error).toMatchObject({ code: 'PERM_DENIED', details: { permission } });
      return answer;
    });

    expect(wrong).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ['alone', {}],
    [
      'from another site’s page',
      { origin: 'https://elsewhere.example', 'x-csrf-token': 'guessed' },
    ],
    ['with a token of another session', { 'x-csrf-token': 'another' }],
  ])('that changes something is 403 with a session’s cookie %s', async (_how, headers) => {
    const wrong = await answersOtherThan(403, async (app, mounted, row) => {
      if (row.method === 'get' || isLogIn(row)) return { status: 403 };
      const answer = await app.ask<Refused>(pathOf(mounted, row), {
        method: row.method.toUpperCase(),
        headers: { origin: app.url, cookie: await cookieOf(app), ...headers },
      });
      expect(answer.body.error.code, row.path).toBe('PERM_CSRF');
      return answer;
    });

    expect(wrong).toEqual([]);
  });

  it('is 401 with the session of somebody who was disabled, but for logging in', async () => {
    const wrong = await answersOtherThan(401, async (app, mounted, row) => {
      const cookie = await cookieOf(app, '2026-01-01T00:00:00.000Z');
      const method = row.method.toUpperCase();
      const answer = await app.ask(pathOf(mounted, row), { method, headers: { cookie } });
      return isLogIn(row) ? { status: answer.status === 204 ? 401 : answer.status } : answer;
    });

    expect(wrong).toEqual([]);
  });

  it('is nothing of another tenant’s for a JWT', async () => {
    const wrong: string[] = [];
    for (const { app, mounted } of apps) {
      for (const row of mounted.rows) {
        const { status } = await app.ask(pathOf(mounted, row), {
          method: row.method.toUpperCase(),
          token: JWT,
          headers: { 'x-waymark-org': 'acme' },
        });
        if (status !== statusForAnother(row)) wrong.push(`${row.method} ${row.path} ${status}`);
      }
    }

    expect(wrong).toEqual([]);
  });
});

async function feedToken(app: TestApp): Promise<string> {
  const { id, token, secretHash } = mintFeedToken();
  await app.stores.feedTokens.insert(makeFeedToken(id, { secretHash }), makeEntry());
  return token;
}

const another = (token: string): string => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A');

/** An org of one's neighbour is not there; the site's own is for its administrators. */
function statusForAnother({ permission, scope }: Route): number {
  if (permission === 'public') return 204;
  if (scope !== 'site') return 404;
  return permission === 'self' ? 204 : 403;
}

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
