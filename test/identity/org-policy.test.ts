import { describe, expect, it } from 'vitest';
import type { Caller } from '../../src/identity/caller.ts';
import { departmentScope, policyOf, underPolicy } from '../../src/identity/org-policy.ts';
import { type Permission, permissionsOf, ROLES } from '../../src/identity/roles.ts';
import { GRANTABLE } from '../../src/model/permissions.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const departments =
  'technology: {}, engineering: {parent: technology}, platform: {parent: engineering}, sales: {}';
const roles =
  "captain: {permissions: ['releases:publish', 'changes:merge']}, admin: {permissions: ['audit:read']}";

async function policyIn() {
  const compiled = await compileFiles(
    smallRegistry({
      'registry.yaml': registryYaml(`departments: {${departments}}, roles: {${roles}}`),
      'access/teams/builders.yaml': yaml('Team', 'members: [ada], department: engineering'),
      'access/teams/friends.yaml': yaml('Team', 'members: [ada, bob]'),
    }),
  );
  return policyOf(snapshotOf(compiled).config);
}

const callerWith = (part: Partial<Caller>): Caller => ({
  kind: 'key',
  id: '1',
  actor: 'key:1',
  org: 'acme',
  user: null,
  teams: [],
  roles: [],
  grantRoles: [],
  permissions: permissionsOf(part.roles ?? []),
  isSiteAdmin: false,
  ...part,
});

describe('underPolicy', () => {
  it('adds what the organisation’s own role allows', async () => {
    const caller = underPolicy(callerWith({ roles: ['viewer', 'captain'] }), await policyIn());

    expect(caller.permissions).toEqual(
      new Set([...permissionsOf(['viewer']), 'releases:publish', 'changes:merge']),
    );
  });

  it('adds nothing beyond the scopes of a key', async () => {
    const scopes = new Set<Permission>(['changes:merge', 'audit:read']);
    const key = callerWith({ roles: ['captain'], scopes, permissions: new Set() });

    expect([...underPolicy(key, await policyIn()).permissions]).toEqual(['changes:merge']);
  });

  it('leaves a role that nobody defined without permissions', async () => {
    const caller = callerWith({ roles: ['gone'] });

    expect(underPolicy(caller, await policyIn())).toBe(caller);
  });

  it('does not let a registry redefine a built-in role', async () => {
    const policy = await policyIn();

    expect([...policy.roles.keys()]).toEqual(['captain']);
  });
});

describe('departmentScope', () => {
  it('is the own departments and all below', async () => {
    const scope = departmentScope(callerWith({ departments: ['technology'] }), await policyIn());

    expect(scope).toEqual(new Set(['technology', 'engineering', 'platform']));
  });

  it('has the departments of the teams that a user is in', async () => {
    const scope = departmentScope(callerWith({ user: 'ada' }), await policyIn());

    expect(scope).toEqual(new Set(['engineering', 'platform']));
  });

  it('has the departments of the teams that a credential carries', async () => {
    const scope = departmentScope(callerWith({ teams: ['builders'] }), await policyIn());

    expect(scope).toEqual(new Set(['engineering', 'platform']));
  });

  it('is empty for whoever is of no department', async () => {
    expect(departmentScope(callerWith({ user: 'bob' }), await policyIn())).toEqual(new Set());
  });

  it.each([{ roles: ['owner'] }, { roles: ['admin'] }, { isSiteAdmin: true }])(
    'is everything for %o',
    async (part) => {
      expect(departmentScope(callerWith(part), await policyIn())).toBe('all');
    },
  );
});

describe('GRANTABLE', () => {
  it('has every permission of the built-in roles', () => {
    const missing = [...permissionsOf(ROLES)].filter((name) => !GRANTABLE.has(name));

    expect(missing).toEqual([]);
  });

  it('keeps the site’s own permission from organisations', () => {
    expect(GRANTABLE.has('sites:manage')).toBe(false);
  });
});
