import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { createApiKey, revokeApiKey } from '../../src/identity/api-keys.ts';
import type { Caller } from '../../src/identity/caller.ts';
import { parseToken } from '../../src/identity/keys.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

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
  requestId: 'r-1',
  clock: () => NOW,
});

const auditOf = async (tenant: string) => (await stores.audit.list(tenant, 0, 10)).at(-1);

describe('createApiKey', () => {
  it('answers the key once, and stores its hash', async () => {
    const request = { name: 'ci', roles: ['publisher'] as const, teams: ['sales'] };

    const made = await createApiKey(stores.apiKeys, request, acting('admin'));

    const stored = await stores.apiKeys.find(made.id);
    expect(parseToken(made.key)).toMatchObject({ id: made.id, secretHash: stored?.secretHash });
    expect(stored).toMatchObject({
      org: 'acme',
      name: 'ci',
      teams: ['sales'],
      createdBy: 'user:ada',
    });
    expect(made).not.toHaveProperty('secretHash');
    expect(JSON.stringify(stored)).not.toMatch(made.key.slice(-20));
  });

  it('writes who made what into the audit log, without the secret', async () => {
    const made = await createApiKey(
      stores.apiKeys,
      { name: 'ci', roles: ['viewer'] },
      acting('admin'),
    );

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

    const made = await createApiKey(stores.apiKeys, request, acting('admin'));

    expect(made.expiresAt).toBe('2026-06-01T00:00:00.000Z');
  });

  it('refuses an end that is past', async () => {
    const expiresAt = '2026-03-01T12:00:00Z';
    const request = { name: 'ci', roles: ['viewer'] as const, expiresAt };

    await expect(createApiKey(stores.apiKeys, request, acting('admin'))).rejects.toMatchObject({
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

    await expect(createApiKey(stores.apiKeys, request, acting(maker))).rejects.toMatchObject({
      code: 'PERM_DENIED',
    });
  });

  it('makes no key of role client, which only an enrolment gives', async () => {
    const request = { name: 'laptop', roles: ['client'] as const };

    await expect(createApiKey(stores.apiKeys, request, acting('owner'))).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it('gives the site’s keys the role owner alone', async () => {
    const wrong = { name: 'site', roles: ['viewer'] as const };
    const right = { name: 'site', roles: ['owner'] as const };

    await expect(createApiKey(stores.apiKeys, wrong, acting('owner', null))).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
    const made = await createApiKey(stores.apiKeys, right, acting('owner', null));
    expect(made.org).toBeNull();
    expect(await auditOf('*')).toMatchObject({ resource: made.id });
  });
});

describe('revokeApiKey', () => {
  it('ends a key of the org, once', async () => {
    const { id } = await createApiKey(
      stores.apiKeys,
      { name: 'ci', roles: ['viewer'] },
      acting('admin'),
    );

    await revokeApiKey(stores.apiKeys, id, acting('admin'));

    expect((await stores.apiKeys.find(id))?.revokedAt).toBe('2026-03-01T12:00:00.000Z');
    expect(await auditOf('acme')).toMatchObject({ action: 'api-key.revoke', resource: id });
    await expect(revokeApiKey(stores.apiKeys, id, acting('admin'))).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
  });

  it('knows no key of another org', async () => {
    const { id } = await createApiKey(
      stores.apiKeys,
      { name: 'ci', roles: ['viewer'] },
      acting('admin', 'globex'),
    );

    await expect(revokeApiKey(stores.apiKeys, id, acting('admin'))).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
    expect((await stores.apiKeys.find(id))?.revokedAt).toBeNull();
  });
});
