import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { Client } from '../../src/delivery/client.ts';
import type { ApiKey } from '../../src/identity/api-key.ts';
import { type Authenticator, createAuthenticator } from '../../src/identity/authenticate.ts';
import { mintApiKey, mintClientToken } from '../../src/identity/keys.ts';
import { permissionsOf } from '../../src/identity/roles.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { loggingIn } from '../support/passwords.ts';
import { addPerson, PASSWORD } from '../support/people.ts';
import {
  makeApiKey,
  makeClient,
  makeEntry,
  makeMember,
  makeOrg,
  makeUser,
} from '../support/records.ts';

const START = Date.parse('2026-03-01T12:00:00Z');
const at = (ms: number) => new Date(START + ms).toISOString();

let nowMs: number;
let lookUps: number;
let stores: Stores;
let authenticator: Authenticator;

beforeEach(async () => {
  nowMs = START;
  lookUps = 0;
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  authenticator = createAuthenticator({ ...loggingIn(stores, () => nowMs), ...counted() });
});

function counted(): Pick<Stores, 'apiKeys' | 'clients'> {
  const find: Stores['apiKeys']['find'] = (id) => {
    lookUps += 1;
    return stores.apiKeys.find(id);
  };
  return { apiKeys: { ...stores.apiKeys, find }, clients: stores.clients };
}

async function addKey(part: Partial<ApiKey> = {}): Promise<{ id: string; token: string }> {
  const { id, token, secretHash } = mintApiKey();
  await stores.apiKeys.insert(makeApiKey(id, { secretHash, ...part }), makeEntry());
  return { id, token };
}

async function addClient(enrolledBy: string, part: Partial<Client> = {}) {
  const { token, secretHash } = mintClientToken();
  const id = '0195c0de-0000-7000-8000-000000000001';
  const client = makeClient(id, { enrolledBy, tokenHash: secretHash, ...part });
  await stores.clients.insert(client, makeEntry());
  return { id, token, client };
}

const revoke = (id: string) => stores.apiKeys.revoke('acme', id, at(0), makeEntry());

describe('authenticate, with an API key', () => {
  it('says who calls and what it may do', async () => {
    const { id, token } = await addKey({ roles: ['viewer'], user: 'ada', teams: ['sales'] });

    const caller = await authenticator.authenticate(token);

    expect(caller).toEqual({
      kind: 'key',
      id,
      actor: 'user:ada',
      org: 'acme',
      user: 'ada',
      teams: ['sales'],
      roles: ['viewer'],
      grantRoles: ['viewer'],
      permissions: permissionsOf(['viewer']),
      isSiteAdmin: false,
    });
  });

  it('calls a key that stands for nobody by its id', async () => {
    const { id, token } = await addKey({ user: null });

    expect((await authenticator.authenticate(token)).actor).toBe(`key:${id}`);
  });

  it('lets a site admin manage the site', async () => {
    const { token } = await addKey({ org: null, roles: ['owner'] });

    const { isSiteAdmin, org, permissions } = await authenticator.authenticate(token);

    expect({ isSiteAdmin, org }).toEqual({ isSiteAdmin: true, org: null });
    expect(permissions).toContain('sites:manage');
  });

  it('lets no owner of an org manage the site', async () => {
    const { token } = await addKey({ roles: ['owner'] });

    expect((await authenticator.authenticate(token)).permissions).not.toContain('sites:manage');
  });

  it('notes the use', async () => {
    const { id, token } = await addKey();

    await authenticator.authenticate(token);

    expect((await stores.apiKeys.find(id))?.lastUsedAt).toBe(at(0));
  });

  it('does not fail when the use cannot be noted', async () => {
    const { token } = await addKey();
    const touch = () => Promise.reject(new Error('the disk is full'));
    const apiKeys = { ...stores.apiKeys, touch };
    const careless = createAuthenticator({ ...loggingIn(stores, () => nowMs), apiKeys });

    expect((await careless.authenticate(token)).org).toBe('acme');
  });

  it.each([
    ['of an unknown id', 'AUTH_TOKEN_INVALID', () => mintApiKey().token],
    ['with another secret', 'AUTH_TOKEN_INVALID', (token: string) => `${token.slice(0, -4)}AAAA`],
    ['that is no token', 'AUTH_TOKEN_INVALID', () => 'letmein'],
  ])('refuses one %s', async (_which, code, forge) => {
    const { token } = await addKey();

    await expect(authenticator.authenticate(forge(token))).rejects.toMatchObject({ code });
  });

  it('refuses one that was revoked or has expired, each by its name', async () => {
    const revoked = await addKey({ revokedAt: at(-1) });
    const expired = await addKey({ expiresAt: at(0) });
    const undated = await addKey({ expiresAt: 'soon' });

    await expect(authenticator.authenticate(revoked.token)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_REVOKED',
    });
    for (const { token } of [expired, undated]) {
      await expect(authenticator.authenticate(token)).rejects.toMatchObject({
        code: 'AUTH_TOKEN_EXPIRED',
      });
    }
  });

  it('says that a key was revoked only to who knows its secret', async () => {
    const { token } = await addKey({ revokedAt: at(-1) });
    const guessed = `${token.slice(0, -4)}AAAA`;

    await expect(authenticator.authenticate(guessed)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_INVALID',
    });
  });
});

describe('authenticate, with a client token', () => {
  it('sees what its enroller sees, and may do what a client may', async () => {
    const key = await addKey({ roles: ['admin'], user: 'ada', teams: ['sales'] });
    const { id, token, client } = await addClient(key.id);

    const caller = await authenticator.authenticate(token);

    expect(caller).toMatchObject({
      kind: 'client',
      id,
      actor: `client:${id}`,
      org: 'acme',
      client,
    });
    expect(caller).toMatchObject({ user: 'ada', teams: ['sales'], grantRoles: ['admin'] });
    expect(caller.roles).toEqual(['client']);
    expect(caller.permissions).toEqual(new Set(['delivery:read']));
  });

  it('is of its own org, and no site admin, when a site admin enrolled it', async () => {
    const key = await addKey({ org: null, roles: ['owner'] });
    const { token } = await addClient(key.id);

    const { org, isSiteAdmin } = await authenticator.authenticate(token);

    expect({ org, isSiteAdmin }).toEqual({ org: 'acme', isSiteAdmin: false });
  });

  it('refuses one that is unknown, or was revoked', async () => {
    const key = await addKey();
    const { token } = await addClient(key.id, { revokedAt: at(-1) });

    await expect(authenticator.authenticate(token)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_REVOKED',
    });
    await expect(authenticator.authenticate(mintClientToken().token)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_INVALID',
    });
  });

  it.each<[string, Partial<ApiKey>]>([
    ['was revoked', { revokedAt: at(-1) }],
    ['has expired', { expiresAt: at(-1) }],
  ])('refuses one whose enroller’s key %s', async (_what, part) => {
    const key = await addKey(part);
    const { token } = await addClient(key.id);

    await expect(authenticator.authenticate(token)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_REVOKED',
    });
  });
});

describe('authenticate, with the token of a client that a person enrolled', () => {
  const enrolledByAda = async () => {
    await stores.users.insert(makeUser('ada'), makeEntry());
    await stores.members.insert(makeMember('ada', { roles: ['editor'] }), makeEntry());
    return addClient('id-of-ada');
  };

  it('sees what the person sees, and is nobody else', async () => {
    const { token } = await enrolledByAda();

    const caller = await authenticator.authenticate(token);

    expect(caller).toMatchObject({ kind: 'client', user: 'ada', grantRoles: ['editor'] });
    expect(caller.permissions).toEqual(new Set(['delivery:read']));
    expect(caller).not.toHaveProperty('userId');
    expect(caller).not.toHaveProperty('memberships');
  });

  it('ends when the person is disabled, or no member any more', async () => {
    const { token } = await enrolledByAda();
    await authenticator.authenticate(token);
    await stores.members.remove(makeMember('ada'), at(0), makeEntry());

    authenticator.invalidate('id-of-ada');

    await expect(authenticator.authenticate(token)).rejects.toMatchObject({
      code: 'AUTH_TOKEN_REVOKED',
    });
  });

  it('may not do what the scopes of the enroller’s key leave out', async () => {
    const key = await addKey({ roles: ['editor'], scopes: ['agents:enroll'] });
    const { token } = await addClient(key.id);

    expect((await authenticator.authenticate(token)).permissions).toEqual(new Set());
  });
});

describe('authenticatePassword', () => {
  const log = (password: string, username = 'ada') =>
    authenticator.authenticatePassword({ username, password, address: '192.0.2.1' });

  beforeEach(() => addPerson(stores, 'ada', { acme: ['editor'] }));

  it('says who calls, in their only org', async () => {
    const caller = await log(PASSWORD);

    expect(caller).toMatchObject({ kind: 'user', actor: 'user:ada', org: 'acme' });
  });

  it('checks it once a minute, and anew when the person is told to have changed', async () => {
    const caller = await log(PASSWORD);
    expect(await log(PASSWORD)).toBe(caller);

    authenticator.invalidate('id-of-ada');

    expect(await log(PASSWORD)).not.toBe(caller);
  });

  it('takes no other password for one that was right a moment ago', async () => {
    await log(PASSWORD);

    await expect(log('another password')).rejects.toMatchObject({ code: 'AUTH_LOGIN_FAILED' });
    await expect(log(PASSWORD, 'eve')).rejects.toMatchObject({ code: 'AUTH_LOGIN_FAILED' });
  });
});

describe('peek', () => {
  it('knows who was accepted in the last minute, without a look-up', async () => {
    const { token } = await addKey();
    expect(authenticator.peek(token)).toBeUndefined();
    const caller = await authenticator.authenticate(token);

    nowMs += 59_999;

    expect(authenticator.peek(token)).toBe(caller);
    expect(await authenticator.authenticate(token)).toBe(caller);
    expect(lookUps).toBe(1);
  });

  it('forgets after a minute', async () => {
    const { token } = await addKey();
    await authenticator.authenticate(token);

    nowMs += 60_000;

    expect(authenticator.peek(token)).toBeUndefined();
  });

  it('forgets at the moment of expiry', async () => {
    const { token } = await addKey({ expiresAt: at(1000) });
    await authenticator.authenticate(token);

    nowMs += 1000;

    expect(authenticator.peek(token)).toBeUndefined();
  });
});

describe('invalidate', () => {
  it('counts a revocation at once, for the key and for the clients that it enrolled', async () => {
    const key = await addKey();
    const other = await addKey();
    const client = await addClient(key.id);
    for (const { token } of [key, other, client]) await authenticator.authenticate(token);
    await revoke(key.id);

    authenticator.invalidate(key.id);

    for (const { token } of [key, client]) {
      expect(authenticator.peek(token)).toBeUndefined();
      await expect(authenticator.authenticate(token)).rejects.toMatchObject({
        code: 'AUTH_TOKEN_REVOKED',
      });
    }
    expect(authenticator.peek(other.token)).toBeDefined();
  });

  it('forgets one client by its id', async () => {
    const key = await addKey();
    const client = await addClient(key.id);
    await authenticator.authenticate(client.token);
    await authenticator.authenticate(key.token);

    authenticator.invalidate(client.id);

    expect(authenticator.peek(client.token)).toBeUndefined();
    expect(authenticator.peek(key.token)).toBeDefined();
  });

  it('forgets everybody without an id', async () => {
    const { token } = await addKey();
    await authenticator.authenticate(token);

    authenticator.invalidate();

    expect(authenticator.peek(token)).toBeUndefined();
  });

  it('reaches a look-up that read the key before it was revoked', async () => {
    const { id, token } = await addKey();
    const { promise: mayAnswer, resolve } = Promise.withResolvers<void>();
    const find: Stores['apiKeys']['find'] = async (wanted) => {
      const key = await stores.apiKeys.find(wanted);
      await mayAnswer;
      return key;
    };
    const slow = createAuthenticator({
      ...loggingIn(stores, () => nowMs),
      apiKeys: { ...stores.apiKeys, find },
    });
    const asking = slow.authenticate(token);
    await revoke(id);
    slow.invalidate(id);
    resolve();

    await asking;

    expect(slow.peek(token)).toBeUndefined();
  });
});
