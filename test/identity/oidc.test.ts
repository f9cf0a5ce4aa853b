import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOidcLogin, type OidcLogin } from '../../src/identity/oidc.ts';
import { createMasterKey } from '../../src/signing/master-key.ts';
import {
  type Account,
  makeBrowser,
  type OidcIssuer,
  startOidcIssuer,
} from '../support/oidc-provider.ts';

const BACK = 'http://127.0.0.1:7420/api/v1/auth/oidc/callback';

const ada: Account = {
  sub: 'f3a1',
  name: 'Ada Lovelace',
  email: 'ada@acme.example',
  email_verified: true,
  groups: ['sales-eu', 'everybody'],
};

let issuer: OidcIssuer;
let nowMs: number;
let failures: unknown[];
let login: OidcLogin;

beforeAll(async () => {
  issuer = await startOidcIssuer(ada);
  issuer.register(BACK);
});

afterAll(() => issuer.close());

beforeEach(() => {
  issuer.account = ada;
  nowMs = Date.now();
  failures = [];
  login = makeLogin();
});

function makeLogin(part: { clientSecret?: string; issuer?: string } = {}): OidcLogin {
  const { clientId, clientSecret } = issuer;
  const client = { issuer: issuer.issuer, clientId, clientSecret, ...part };
  return createOidcLogin({
    ...client,
    groupsClaim: 'groups',
    master: createMasterKey(Buffer.alloc(32, 7)),
    clock: () => nowMs,
    onFailure: (error) => failures.push(error),
  });
}

/** Goes to the issuer; what it sends the browser back with. */
async function logInAt(url: URL): Promise<URLSearchParams> {
  const browser = makeBrowser();
  let at = url.href;
  while (!at.startsWith(BACK)) {
    const answer = await browser.visit(at);
    expect([302, 303]).toContain(answer.status);
    at = new URL(answer.headers.get('location')!, at).href;
  }
  return new URL(at).searchParams;
}

const failed = { code: 'AUTH_LOGIN_FAILED' };

describe('begin', () => {
  it('asks for a code, with PKCE, state and nonce, and for what is needed of the person', async () => {
    const { url } = await login.begin(BACK, '/');

    expect(url.origin).toBe(issuer.issuer);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'waymark',
      response_type: 'code',
      redirect_uri: BACK,
      scope: 'openid email profile groups',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it('is never the same', async () => {
    const [one, other] = await Promise.all([login.begin(BACK, '/'), login.begin(BACK, '/')]);

    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.url.searchParams.get(name)).not.toBe(other.url.searchParams.get(name));
    }
  });

  it('keeps its secrets from the browser', async () => {
    const { url, kept } = await login.begin(BACK, '/');

    expect(kept).not.toContain(url.searchParams.get('state'));
    expect(Buffer.from(kept, 'base64').toString('latin1')).not.toContain('verifier');
  });

  it('is RES_UNAVAILABLE while the issuer is, and no longer', async () => {
    const later = await startOidcIssuer(ada);
    const early = makeLogin({ issuer: later.issuer });

    await expect(early.begin(BACK, '/')).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    later.register(BACK);

    expect((await early.begin(BACK, '/')).url.origin).toBe(later.issuer);
    await later.close();
  });
});

describe('complete', () => {
  it('says who has logged in, and in which groups they are', async () => {
    const { url, kept } = await login.begin(BACK, '/plugins?page=2');

    expect(await login.complete(await logInAt(url), kept)).toEqual({
      user: {
        issuer: issuer.issuer,
        subject: 'f3a1',
        email: 'ada@acme.example',
        name: 'Ada Lovelace',
      },
      groups: ['sales-eu', 'everybody'],
      returnTo: '/plugins?page=2',
    });
  });

  it.each([false, undefined])('believes no address that is not verified: %s', async (verified) => {
    const { email_verified: _verified, ...rest } = ada;
    issuer.account = verified === undefined ? rest : { ...rest, email_verified: verified };
    const { url, kept } = await login.begin(BACK, '/');

    const { user } = await login.complete(await logInAt(url), kept);

    expect(user.email).toBeNull();
  });

  it('needs no groups', async () => {
    issuer.account = { sub: 'f3a1' };
    const { url, kept } = await login.begin(BACK, '/');

    const { user, groups } = await login.complete(await logInAt(url), kept);

    expect({ name: user.name, groups }).toEqual({ name: null, groups: [] });
  });

  it.each<[string, (answer: URLSearchParams) => void]>([
    ['another state', (answer) => answer.set('state', 'x'.repeat(43))],
    ['no state', (answer) => answer.delete('state')],
    ['no code', (answer) => answer.delete('code')],
    ['an invented code', (answer) => answer.set('code', 'x'.repeat(43))],
    ['another issuer', (answer) => answer.set('iss', 'https://id.example.com')],
  ])('refuses an answer with %s', async (_what, change) => {
    const { url, kept } = await login.begin(BACK, '/');
    const answer = await logInAt(url);
    change(answer);

    await expect(login.complete(answer, kept)).rejects.toMatchObject(failed);
    expect(failures).toHaveLength(1);
  });

  it('refuses a code that was used before', async () => {
    const { url, kept } = await login.begin(BACK, '/');
    const answer = await logInAt(url);
    await login.complete(answer, kept);

    await expect(login.complete(answer, kept)).rejects.toMatchObject(failed);
  });

  it('refuses what was begun in another browser, or in none', async () => {
    const mine = await login.begin(BACK, '/');
    const theirs = await login.begin(BACK, '/');
    const answer = await logInAt(theirs.url);

    await expect(login.complete(answer, mine.kept)).rejects.toMatchObject(failed);
    await expect(login.complete(answer, undefined)).rejects.toMatchObject(failed);
    await expect(login.complete(answer, 'forged')).rejects.toMatchObject(failed);
  });

  it('refuses what was begun more than ten minutes ago', async () => {
    const { url, kept } = await login.begin(BACK, '/');
    const answer = await logInAt(url);

    nowMs += 600_000;

    await expect(login.complete(answer, kept)).rejects.toMatchObject(failed);
  });

  it('refuses somebody who declined', async () => {
    const { url, kept } = await login.begin(BACK, '/');
    const state = url.searchParams.get('state')!;
    const answer = new URLSearchParams({ error: 'access_denied', state, iss: issuer.issuer });

    await expect(login.complete(answer, kept)).rejects.toMatchObject(failed);
  });

  it('is RES_UNAVAILABLE where the issuer does not know us: that is no fault of the person’s', async () => {
    login = makeLogin({ clientSecret: 'another secret' });
    const { url, kept } = await login.begin(BACK, '/');
    const answer = await logInAt(url);

    await expect(login.complete(answer, kept)).rejects.toMatchObject({
      code: 'RES_UNAVAILABLE',
    });
    expect(String(failures)).not.toContain('another secret');
  });
});
