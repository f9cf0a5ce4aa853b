import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import {
  type Account,
  type Browser,
  makeBrowser,
  type OidcIssuer,
  startOidcIssuer,
} from '../support/oidc-provider.ts';
import type { Described } from '../support/people.ts';
import { openService, type TestService } from '../support/service.ts';

const ada: Account = {
  sub: 'f3a1',
  name: 'Ada Lovelace',
  email: 'ada@acme.example',
  email_verified: true,
  groups: ['sales-eu'],
};

const groups = {
  'sales-eu': { org: 'acme', roles: ['editor'], teams: ['field'] },
  bosses: { org: 'acme', roles: ['admin'] },
};

let issuer: OidcIssuer;
let service: TestService;
let browser: Browser;

beforeAll(async () => {
  issuer = await startOidcIssuer(ada);
  service = await openService(undefined, {
    WAYMARK_EXAMPLE_ORG: 'acme',
    WAYMARK_OIDC_ISSUER: issuer.issuer,
    WAYMARK_OIDC_CLIENT_ID: issuer.clientId,
    WAYMARK_OIDC_CLIENT_SECRET: issuer.clientSecret,
    WAYMARK_OIDC_GROUPS: JSON.stringify(groups),
  });
  issuer.register(`${service.url}/api/v1/auth/oidc/callback`);
});

afterAll(async () => {
  await service.close();
  await issuer.close();
});

beforeEach(() => {
  issuer.account = ada;
  browser = makeBrowser();
});

const login = (query = '') => `${service.url}/api/v1/auth/oidc/login${query}`;

/** Goes to the issuer and logs in there; the address that it sends the browser back to. */
async function comeBack(by = browser, query = ''): Promise<string> {
  let at = login(query);
  do {
    const answer = await by.visit(at);
    at = new URL(answer.headers.get('location')!, at).href;
  } while (!at.startsWith(`${service.url}/api/v1/auth/oidc/callback`));
  return at;
}

async function sessionOf(by: Browser): Promise<Described> {
  const answer = await by.visit(`${service.url}/api/v1/session`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: Described }).data;
}

const refusal = async (answer: Response) => {
  const { error } = (await answer.json()) as Refused;
  return { status: answer.status, code: error.code };
};

describe('GET /auth/oidc/login', () => {
  it('sends the browser to the issuer, and keeps what it must bring back from its scripts', async () => {
    const answer = await browser.visit(login());

    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toMatch(`${issuer.issuer}/auth?`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('set-cookie')).toMatch(
      /^waymark-oidc=[\w+/=]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
  });

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/\t/evil.example/',
    '\\\\evil.example',
    '/plugins\r\nSet-Cookie: a=b',
    'javascript:alert(1)',
    'plugins',
    '',
    `/${'a'.repeat(2000)}`,
  ])('sends nobody back to %j', async (returnTo) => {
    const answer = await browser.visit(login(`?returnTo=${encodeURIComponent(returnTo)}`));

    expect(await refusal(answer)).toEqual({ status: 400, code: 'VAL_FAILED' });
    expect(browser.cookies.size).toBe(0);
  });

  it('asks to be sent back to nowhere but the address that the request came to', async () => {
    const answer = await browser.visit(login());

    const location = new URL(answer.headers.get('location')!);
    expect(location.searchParams.get('redirect_uri')).toBe(
      `${service.url}/api/v1/auth/oidc/callback`,
    );
  });
});

describe('GET /auth/oidc/callback', () => {
  it('begins a session of whom the issuer sends, with what their groups give', async () => {
    const answer = await browser.visit(await comeBack(browser, '?returnTo=/plugins%3Fpage=2'));

    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/plugins?page=2');
    expect([...browser.cookies.keys()]).toContain('waymark');
    expect([...browser.cookies.keys()]).not.toContain('waymark-oidc');
    expect(await sessionOf(browser)).toMatchObject({
      user: { username: 'ada@acme.example', isSiteAdmin: false },
      org: 'acme',
      roles: ['editor'],
    });
  });

  it('knows a person by their subject, whatever their address says', async () => {
    await browser.visit(await comeBack());
    const { user } = await sessionOf(browser);
    const again = makeBrowser();
    issuer.account = { ...ada, email: 'ada.king@acme.example' };
    await again.visit(await comeBack(again));
    const other = makeBrowser();
    issuer.account = { ...ada, sub: 'another' };
    await other.visit(await comeBack(other));

    expect((await sessionOf(again)).user?.id).toBe(user?.id);
    expect((await sessionOf(other)).user?.id).not.toBe(user?.id);
  });

  it('counts what the groups give now in the person’s other sessions, too', async () => {
    issuer.account = { ...ada, sub: 'moving', groups: ['bosses'] };
    await browser.visit(await comeBack());
    expect((await sessionOf(browser)).roles).toEqual(['admin']);

    issuer.account = { ...ada, sub: 'moving', groups: [] };
    const again = makeBrowser();
    await again.visit(await comeBack(again));

    expect(await sessionOf(browser)).toMatchObject({ org: null, roles: [], memberships: [] });
  });

  it('ends the session that the browser had', async () => {
    await browser.visit(await comeBack());
    const before = makeBrowser();
    before.cookies.set('waymark', browser.cookies.get('waymark')!);

    await browser.visit(await comeBack());

    expect((await before.visit(`${service.url}/api/v1/session`)).status).toBe(401);
    expect((await sessionOf(browser)).user).not.toBeNull();
  });

  it('lets in whose old session has ended', async () => {
    browser.cookies.set('waymark', 'wms_0123456789abcdef_of-long-ago-of-long-ago-of-long-ago');

    expect((await browser.visit(await comeBack())).status).toBe(302);
    expect((await sessionOf(browser)).user).not.toBeNull();
  });

  it.each<[string, () => Promise<Response>]>([
    [
      'another state',
      async () => browser.visit((await comeBack()).replace(/state=[\w-]+/, 'state=forged')),
    ],
    ['another browser', async () => makeBrowser().visit(await comeBack())],
    [
      'a code that was used before',
      async () => {
        const back = await comeBack();
        const kept = browser.cookies.get('waymark-oidc')!;
        await browser.visit(back);
        browser.cookies.set('waymark-oidc', kept);
        return browser.visit(back);
      },
    ],
    [
      'an answer to what was begun too long ago',
      async () => {
        const back = await comeBack();
        service.advance(600_000);
        return browser.visit(back);
      },
    ],
    ['nothing', async () => browser.visit(`${service.url}/api/v1/auth/oidc/callback`)],
  ])('begins none for %s', async (_what, visit) => {
    expect(await refusal(await visit())).toEqual({ status: 401, code: 'AUTH_LOGIN_FAILED' });
  });

  it('lets one attempt be made', async () => {
    const back = await comeBack();
    await browser.visit(back.replace(/state=[\w-]+/, 'state=forged'));

    expect(browser.cookies.has('waymark-oidc')).toBe(false);
    expect((await browser.visit(back)).status).toBe(401);
  });

  it('begins none for somebody who was disabled', async () => {
    issuer.account = { ...ada, sub: 'leaving' };
    await browser.visit(await comeBack());
    const { user } = await sessionOf(browser);
    await ask(`${service.url}/api/v1/users/${user!.id}`, {
      method: 'PUT',
      token: service.admin,
      body: { disabled: true },
    });

    const answer = await browser.visit(await comeBack());

    expect(await refusal(answer)).toEqual({ status: 401, code: 'AUTH_LOGIN_FAILED' });
  });
});

describe('a site without an issuer', () => {
  it('has no such way to log in', async () => {
    const other = await openService();

    for (const step of ['login', 'callback']) {
      const answer = await ask<Refused>(`${other.url}/api/v1/auth/oidc/${step}`);
      expect([answer.status, answer.body.error.code]).toEqual([404, 'RES_NOT_FOUND']);
    }
    await other.close();
  });
});
