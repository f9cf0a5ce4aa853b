import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { Caller } from '../../src/identity/caller.ts';
import type { Resolved } from '../../src/identity/resolve-token.ts';
import { permissionsOf } from '../../src/identity/roles.ts';
import { createTokenAuthority, type TokenAuthority } from '../../src/identity/token-authority.ts';
import { createTokenKeys, type TokenKeys } from '../../src/identity/token-keys.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { createMasterKey } from '../../src/signing/master-key.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeSigningKey } from '../support/jwks.ts';

const ISSUER = 'https://waymark.example.com';
const DAY_MS = 86_400_000;
const KEY_ID = '0123456789abcdef';

const keyCaller: Caller = {
  kind: 'key',
  id: KEY_ID,
  actor: 'user:ada',
  org: 'acme',
  user: 'ada',
  teams: ['field'],
  roles: ['viewer'],
  grantRoles: ['viewer'],
  permissions: permissionsOf(['viewer']),
  isSiteAdmin: false,
};

const master = createMasterKey(Buffer.alloc(32, 7));
let nowMs: number;
let stores: Stores;
let keys: TokenKeys;
let authority: TokenAuthority;
/** Who has the key now. */
let owner: Resolved;

const ofKey = async (id: string): Promise<Resolved> => {
  expect(id).toBe(KEY_ID);
  return owner;
};

const clock = () => nowMs;
const makeKeys = () => createTokenKeys({ ...stores, master, clock });
const codeOf = (error: unknown) => error instanceof WaymarkError && error.code;
const resolve = (token: string) => authority.resolve(token, ofKey);

beforeEach(() => {
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  stores = createMemoryStores();
  keys = makeKeys();
  authority = createTokenAuthority({ issuer: ISSUER, keys, clock });
  owner = { caller: keyCaller, basis: [KEY_ID], expiresAtMs: Number.POSITIVE_INFINITY };
});

describe('issue', () => {
  it('gives a token of a quarter of an hour', async () => {
    const issued = await authority.issue(keyCaller);

    expect(issued).toMatchObject({ token_type: 'Bearer', expires_in: 900 });
    expect(issued.scope.split(' ')).toEqual([...permissionsOf(['viewer'])]);
    expect(decodeProtectedHeader(issued.access_token)).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
    });
    expect(decodeJwt(issued.access_token)).toEqual({
      iss: ISSUER,
      aud: ISSUER,
      sub: `key:${KEY_ID}`,
      iat: nowMs / 1000,
      exp: nowMs / 1000 + 900,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      user_id: 'ada',
      tenant_id: 'acme',
      roles: ['viewer'],
      permissions: [...permissionsOf(['viewer'])],
    });
  });

  it('gives a token that others verify by what is published', async () => {
    const { access_token } = await authority.issue(keyCaller);
    const published = await keys.published();

    const { payload } = await jwtVerify(access_token, createLocalJWKSet(published), {
      issuer: ISSUER,
      currentDate: new Date(nowMs),
    });

    expect(payload.sub).toBe(`key:${KEY_ID}`);
    expect(JSON.stringify(published)).not.toContain('"d"');
  });

  it('narrows it to what is asked', async () => {
    const issued = await authority.issue(keyCaller, ' registry:read delivery:read registry:read');

    expect(issued.scope).toBe('registry:read delivery:read');
    expect(decodeJwt(issued.access_token)['permissions']).toEqual([
      'registry:read',
      'delivery:read',
    ]);
  });

  it.each(['keys:rotate', 'registry:read keys:rotate', 'everything'])(
    'gives nothing beyond the key: %s',
    async (scope) => {
      await expect(authority.issue(keyCaller, scope)).rejects.toMatchObject({
        code: 'PERM_DENIED',
      });
    },
  );

  it.each([
    [undefined, undefined],
    [['plugin:other:read', 'plugin:example:write'], undefined],
    [['plugin:example:read'], 'plugin:example:read'],
  ] as const)('names a plugin only to a key that names it: %j', async (scopes, granted) => {
    const key = scopes ? { ...keyCaller, scopes: new Set(scopes) } : keyCaller;

    const issued = await authority.issue(key, 'plugin:example:read').catch(codeOf);

    expect(issued).toEqual(granted ? expect.objectContaining({ scope: granted }) : 'PERM_DENIED');
  });

  it('refuses a scope of nothing', async () => {
    await expect(authority.issue(keyCaller, ' ')).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});

describe('resolve', () => {
  it('is the key’s own caller, until the token’s end', async () => {
    const { access_token } = await authority.issue(keyCaller);

    expect(await resolve(access_token)).toEqual({ ...owner, expiresAtMs: nowMs + 900_000 });
  });

  it('may do what both the token and its key may now', async () => {
    const { access_token } = await authority.issue(keyCaller, 'registry:read delivery:read');
    const less = new Set(['delivery:read', 'releases:read'] as const);
    owner = { ...owner, caller: { ...keyCaller, permissions: less } };

    const { caller } = await resolve(access_token);

    expect(caller.permissions).toEqual(new Set(['delivery:read']));
    expect(caller.scopes).toEqual(new Set(['registry:read', 'delivery:read']));
  });

  it('loses a plugin with its key', async () => {
    const admin = { ...keyCaller, roles: ['admin'] };
    const { access_token } = await authority.issue(admin, 'plugin:example:read registry:read');
    owner = { ...owner, caller: admin };
    const before = await resolve(access_token);
    owner = { ...owner, caller: { ...admin, within: [['viewer']] } };
    const after = await resolve(access_token);

    expect(before.caller.scopes).toEqual(new Set(['plugin:example:read', 'registry:read']));
    expect(after.caller.scopes).toEqual(new Set(['registry:read']));
  });

  it('ends with the key, if that ends first', async () => {
    const { access_token } = await authority.issue(keyCaller);
    owner = { ...owner, expiresAtMs: nowMs + 1000 };

    expect((await resolve(access_token)).expiresAtMs).toBe(nowMs + 1000);
  });

  it('is refused after a quarter of an hour', async () => {
    const { access_token } = await authority.issue(keyCaller);

    nowMs += 931_000;

    await expect(resolve(access_token)).rejects.toMatchObject({ code: 'AUTH_TOKEN_EXPIRED' });
  });

  it('takes no token of another type, subject, site or key', async () => {
    const { kid, key } = await keys.signer();
    const stranger = await makeSigningKey(kid);
    const claims = { iss: ISSUER, aud: ISSUER, sub: `key:${KEY_ID}`, exp: nowMs / 1000 + 60 };
    const sign = (part: object, typ = 'at+jwt', by = key) =>
      new SignJWT({ ...claims, ...part }).setProtectedHeader({ alg: 'ES256', kid, typ }).sign(by);
    expect(await resolve(await sign({ permissions: [] }))).toBeDefined();

    const forged = await Promise.all([
      sign({}, 'JWT'),
      sign({ sub: 'ada' }),
      sign({ sub: 'key:../../root' }),
      sign({ iss: 'https://other.example.com' }),
      sign({ aud: 'https://other.example.com' }),
      sign({}, 'at+jwt', stranger.privateKey),
    ]);

    for (const token of forged) {
      await expect(resolve(token)).rejects.toMatchObject({ code: 'AUTH_TOKEN_INVALID' });
    }
  });
});

describe('the keys that sign', () => {
  const kids = async (from = keys) => (await from.published()).keys.map(({ kid }) => kid);

  it('are made when they are first needed', async () => {
    expect(await kids()).toEqual([]);

    await authority.issue(keyCaller);

    expect(await kids()).toHaveLength(1);
    expect(await stores.audit.list('*', 0, 10)).toMatchObject([
      { actor: 'system:tokens', action: 'token-key.create', resource: (await kids())[0] },
    ]);
  });

  it('are wrapped by the master key', async () => {
    await authority.issue(keyCaller);
    const [key] = await stores.tokenKeys.list();

    const text = Buffer.from(master.unwrap(key!.wrappedPrivate!, `token-key:${key!.kid}`));

    expect(JSON.parse(text.toString())).toMatchObject({ kty: 'EC', d: expect.any(String) });
    expect(JSON.stringify(key)).not.toContain('"d"');
  });

  it('are the same after a restart', async () => {
    const { access_token } = await authority.issue(keyCaller);

    authority = createTokenAuthority({ issuer: ISSUER, keys: makeKeys(), clock });

    expect(await resolve(access_token)).toBeDefined();
    await authority.issue(keyCaller);
    expect(await stores.tokenKeys.list()).toHaveLength(1);
  });

  it('are replaced after 30 days, and published for as long as their tokens live', async () => {
    nowMs += 1;
    await authority.issue(keyCaller);
    const [old] = await kids();
    nowMs += 30 * DAY_MS - 1;
    const { access_token } = await authority.issue(keyCaller);
    nowMs += 1;

    await authority.issue(keyCaller);

    expect(await kids()).toEqual([old, expect.not.stringMatching(old!)]);
    expect(await resolve(access_token)).toBeDefined();
    nowMs += 3_600_000;
    expect(await kids()).not.toContain(old);
  });

  it('keep no private part once they are replaced', async () => {
    await authority.issue(keyCaller);
    nowMs += 30 * DAY_MS;
    await authority.issue(keyCaller);

    const wrapped = (await stores.tokenKeys.list()).map(({ wrappedPrivate }) => wrappedPrivate);

    expect(wrapped).toEqual([null, expect.any(String)]);
  });

  it('are found at once when another process has made one', async () => {
    expect(await kids()).toEqual([]);
    const other = createTokenAuthority({ issuer: ISSUER, keys: makeKeys(), clock });
    const { access_token } = await other.issue(keyCaller);

    expect(await resolve(access_token)).toBeDefined();
  });

  it('are one when two processes need the first at once', async () => {
    const others = [makeKeys(), makeKeys(), makeKeys()];

    const signers = await Promise.all(others.map((each) => each.signer()));

    expect(new Set(signers.map(({ kid }) => kid)).size).toBe(1);
  });
});
