import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { createApiKey, type KeyRequest, revokeApiKey } from '../../src/identity/api-keys.ts';
import type { Caller } from '../../src/identity/caller.ts';
import { parseToken } from '../../src/identity/keys.ts';
import type { OrgPolicy } from '../../src/identity/org-policy.ts';
import { type Permission, permissionsOf, type Role } from '../../src/identity/roles.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeMember, makeOrg, makeUser } from '../support/records.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

let stores: Stores;

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  await stores.orgs.insert(makeOrg('globex'), makeEntry());
});

function callerWith(role: Role, org: string | null = 'acme'): Caller {
  return {
    kind: 'key',
    id: 'f'.repeat(16),
    actor: 'user:ada',
    org,
    user: 'ada',
    teams: [],
    roles: [role],
    grantRoles: [role],
    permissions: permissionsOf([role]),
    isSiteAdmin: org === null,
  };
}

const acting = (role: Role, org: string | null = 'acme') => ({
  caller: callerWith(role, org),
  org,
  policy: undefined,
  requestId: 'r-1',
  clock: () => NOW,
});

const auditOf = async (tenant: string) => (await stores.audit.list(tenant, 0, 10)).at(-1);

describe('createApiKey', () => {
  it('answers the key once, and stores its hash', async () => {
    const request = { name: 'ci', roles: ['publisher'] as const, teams: ['sales'] };

    const made = await createApiKey(stores, request, acting('admin'));

    const stored = await stores.apiKeys.find(made.id);
    expect(parseToken(made.key)).toMatchObject({ id: made.id, secretHash: stored?.secretHash });
    expect(stored).toMatchObject({
      org: 'acme',
      name: 'ci',
      teams: ['sales'],
      createdBy: `key:${'f'.repeat(16)}`,
    });
    expect(made).not.toHaveProperty('secretHash');
    expect(JSON.stringify(stored)).not.toMatch(made.key.slice(-20));
  });

  it('writes who made what into the audit log, without the secret', async () => {
    const made = await createApiKey(stores, { name: 'ci', roles: ['viewer'] }, acting('admin'));

    const entry = await auditOf('acme');
    expect(entry).toMatchObject({
      actor: 'user:ada',
      action: 'api-key.create',
      resource: made.id,
      requestId: 'r-1',
      after: { name: 'ci', roles: ['viewer'] },
    });
    expect(JSON.stringify(entry)).not.toMatch(made.key.slice(-20));
  });

  it('keeps the end in one form, whatever offset it came with', async () => {
    const expiresAt = '2026-06-01T02:00:00+02:00';
    const request = { name: 'ci', roles: ['viewer'] as const, expiresAt };

    const made = await createApiKey(stores, request, acting('admin'));

    expect(made.expiresAt).toBe('2026-06-01T00:00:00.000Z');
  });

  it('refuses an end that is past', async () => {
    const expiresAt = '2026-03-01T12:00:00Z';
    const request = { name: 'ci', roles: ['viewer'] as const, expiresAt };

    await expect(createApiKey(stores, request, acting('admin'))).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field: 'expiresAt' }] },
    });
  });

  it.each<[Role, Role]>([
    ['admin', 'owner'],
    ['publisher', 'admin'],
    ['viewer', 'editor'],
    ['editor', 'auditor'],
  ])('lets %s make no %s', async (maker, made) => {
    const request = { name: 'more', roles: [made] };

    await expect(createApiKey(stores, request, acting(maker))).rejects.toMatchObject({
      code: 'PERM_DENIED',
    });
  });

  it('makes no key of role client, which only an enrolment gives', async () => {
    const request = { name: 'laptop', roles: ['client'] as const };

    await expect(createApiKey(stores, request, acting('owner'))).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it('gives the site’s keys the role owner alone', async () => {
    const wrong = { name: 'site', roles: ['viewer'] as const };
    const right = { name: 'site', roles: ['owner'] as const };

    await expect(createApiKey(stores, wrong, acting('owner', null))).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
    const made = await createApiKey(stores, right, acting('owner', null));
    expect(made.org).toBeNull();
    expect(await auditOf('*')).toMatchObject({ resource: made.id });
  });
});

describe('createApiKey, for plugins', () => {
  const request = { name: 'ci', roles: ['viewer'], scopes: ['plugin:example:read'] } as const;

  it('makes a key that may call one, whatever its roles', async () => {
    expect((await createApiKey(stores, request, acting('admin'))).scopes).toEqual([
      'plugin:example:read',
    ]);
  });

  it('is refused to a key that may not call it itself', async () => {
    const narrow = acting('admin');
    const scopes = new Set<Permission>(permissionsOf(['admin']));
    const making = createApiKey(stores, request, {
      ...narrow,
      caller: { ...narrow.caller, scopes },
    });

    await expect(making).rejects.toMatchObject({
      code: 'PERM_DENIED',
      message: 'this needs a key with the scope plugin:example:read',
    });
  });
});

describe('createApiKey, for people', () => {
  const log = (role: Role): Caller => ({
    ...callerWith(role),
    kind: 'user',
    id: 'id-of-ada',
    userId: 'id-of-ada',
  });
  const loggedIn = (role: Role) => ({ ...acting(role), caller: log(role) });
  const request = { name: 'my laptop', roles: ['viewer'] as const };

  beforeEach(async () => {
    await stores.users.insert(makeUser('ada'), makeEntry());
    await stores.users.insert(makeUser('bob'), makeEntry());
    await stores.members.insert(makeMember('ada'), makeEntry());
  });

  it('makes one’s own without any permission, and ties it to the person', async () => {
    const made = await createApiKey(stores, request, loggedIn('viewer'));

    expect(made).toMatchObject({ user: 'ada', userId: 'id-of-ada', scopes: null });
  });

  it('narrows it to scopes, which may be less than the person has', async () => {
    const scopes = ['registry:read'] as const;

    const made = await createApiKey(stores, { ...request, scopes }, loggedIn('viewer'));

    expect(made.scopes).toEqual(['registry:read']);
  });

  it('lets scopes make up for no role that sees more', async () => {
    const wider = { name: 'wide', roles: ['admin'], scopes: ['registry:read'] } as const;

    await expect(createApiKey(stores, wider, loggedIn('editor'))).rejects.toMatchObject({
      code: 'PERM_DENIED',
    });
  });

  it.each<[string, Partial<KeyRequest>, string]>([
    ['for nobody', { user: null }, 'api-keys:write'],
    ['for another', { user: 'bob' }, 'api-keys:write'],
    ['with teams that are not one’s own', { teams: ['board'] }, 'api-keys:write'],
  ])('makes none %s without the permission', async (_what, part, permission) => {
    const making = createApiKey(stores, { ...request, ...part }, loggedIn('editor'));

    await expect(making).rejects.toMatchObject({
      code: 'PERM_DENIED',
      facts: { details: { permission } },
    });
  });

  it.each<[string, Partial<KeyRequest>]>([
    ['for another', { user: 'bob' }],
    ['of a team that they are not in', { teams: ['board'] }],
  ])('makes none %s for who sees less, whatever their permissions', async (_what, part) => {
    const caller = { ...log('editor'), permissions: permissionsOf(['admin']) };

    const making = createApiKey(stores, { ...request, ...part }, { ...acting('editor'), caller });

    await expect(making).rejects.toMatchObject({ code: 'PERM_DENIED' });
  });

  it('makes one for another with members:write, tied to them where they are a member', async () => {
    const own = await createApiKey(stores, { ...request, user: 'ada' }, loggedIn('admin'));
    const label = await createApiKey(stores, { ...request, user: 'bob' }, loggedIn('admin'));

    expect(own).toMatchObject({ user: 'ada', userId: 'id-of-ada' });
    expect(label).toMatchObject({ user: 'bob', userId: null });
  });

  it('lets a key make none, which would outlive it', async () => {
    const caller = { ...callerWith('editor'), userId: 'id-of-ada' };

    const making = createApiKey(stores, request, { ...acting('editor'), caller });

    await expect(making).rejects.toMatchObject({ code: 'PERM_DENIED' });
  });

  it('knows the roles that the organisation defines, and no others', async () => {
    const policy: OrgPolicy = {
      roles: new Map([['captain', ['releases:publish']]]),
      departments: new Map(),
      departmentOfTeam: new Map(),
      teamsOfUser: new Map(),
    };
    const captain = { ...request, roles: ['captain'] };

    const made = await createApiKey(stores, captain, { ...acting('admin'), policy });

    expect(made.roles).toEqual(['captain']);
    await expect(createApiKey(stores, captain, acting('admin'))).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
    await expect(
      createApiKey(stores, captain, { ...loggedIn('editor'), policy }),
    ).rejects.toMatchObject({ code: 'PERM_DENIED' });
  });
});

describe('a role that allows what nothing asks for yet', () => {
  const policy: OrgPolicy = {
    roles: new Map([['captain', ['releases:publish', 'promotions:approve' as Permission]]]),
    departments: new Map(),
    departmentOfTeam: new Map(),
    teamsOfUser: new Map(),
  };
  const captain = { name: 'ci', roles: ['captain'] };

  it('is handed out by administrators', async () => {
    const made = await createApiKey(stores, captain, { ...acting('admin'), policy });

    expect(made.roles).toEqual(['captain']);
  });

  it('is handed out by nobody else, nor by an administrator’s narrowed key', async () => {
    const permissions = permissionsOf(['publisher']).union(new Set(['api-keys:write'] as const));
    const caller = { ...callerWith('admin'), permissions };

    const making = createApiKey(stores, captain, { ...acting('admin'), policy, caller });

    await expect(making).rejects.toMatchObject({
      code: 'PERM_DENIED',
      facts: { details: { permission: 'promotions:approve' } },
    });
  });
});

describe('revokeApiKey', () => {
  it('ends a key of the org, once', async () => {
    const { id } = await createApiKey(stores, { name: 'ci', roles: ['viewer'] }, acting('admin'));

    await revokeApiKey(stores, id, acting('admin'));

    expect((await stores.apiKeys.find(id))?.revokedAt).toBe('2026-03-01T12:00:00.000Z');
    expect(await auditOf('acme')).toMatchObject({ action: 'api-key.revoke', resource: id });
    await expect(revokeApiKey(stores, id, acting('admin'))).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
  });

  it('knows no key of another org', async () => {
    const { id } = await createApiKey(
      stores,
      { name: 'ci', roles: ['viewer'] },
      acting('admin', 'globex'),
    );

    await expect(revokeApiKey(stores, id, acting('admin'))).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
    expect((await stores.apiKeys.find(id))?.revokedAt).toBeNull();
  });
});
