import { describe, expect, it } from 'vitest';
import { callerOfClaims } from '../../src/identity/jwt-caller.ts';
import { underPolicy } from '../../src/identity/org-policy.ts';
import type { Permission } from '../../src/identity/roles.ts';

const names = {
  user: 'user_id',
  tenant: 'tenant_id',
  roles: 'roles',
  permissions: 'permissions',
  departments: 'departments',
};

const EXP = 2_000_000_000;
const right = { exp: EXP, user_id: 'ada', tenant_id: 'acme' };

describe('callerOfClaims', () => {
  it('says who calls and what they may do', () => {
    const claims = { ...right, roles: ['viewer'], departments: ['sales'] };

    const { scopes: _scopes, ...caller } = callerOfClaims(claims, names);

    expect(caller).toEqual({
      kind: 'jwt',
      id: 'ada',
      actor: 'jwt:ada',
      org: 'acme',
      user: 'ada',
      teams: [],
      roles: ['viewer'],
      grantRoles: ['viewer'],
      permissions: new Set([
        'delivery:read',
        'releases:read',
        'registry:read',
        'changes:read',
        'namespaces:read',
        'departments:read',
        'integrations:read',
        'plugins:read',
        'tools:read',
      ]),
      isSiteAdmin: false,
      departments: ['sales'],
    });
  });

  it('adds permissions to those of the roles', () => {
    const claims = { ...right, roles: ['viewer'], permissions: ['audit:read'] };

    const { permissions } = callerOfClaims(claims, names);

    expect(permissions).toContain('audit:read');
    expect(permissions).toContain('delivery:read');
  });

  it('takes words in one text for a list', () => {
    const claims = { ...right, permissions: 'audit:read  keys:rotate' };

    expect(callerOfClaims(claims, names).permissions).toEqual(
      new Set(['audit:read', 'keys:rotate']),
    );
  });

  it.each([
    ['a role of no one’s', { roles: ['The Emperor'] }],
    ['the role of a client', { roles: ['client'] }],
    ['an unknown permission', { permissions: ['everything:write'] }],
    ['the administration of the site', { permissions: ['sites:manage'] }],
    ['the enrolment of clients', { permissions: ['agents:enroll'] }],
    ['what Object has', { roles: ['__proto__'], permissions: ['constructor'] }],
  ])('gives nothing for %s', (_what, claims) => {
    const { permissions, roles, isSiteAdmin } = callerOfClaims({ ...right, ...claims }, names);

    expect({ permissions, roles, isSiteAdmin }).toEqual({
      permissions: new Set(),
      roles: [],
      isSiteAdmin: false,
    });
  });

  it('has what the org’s own role gives, but for what no token may', () => {
    const role: Permission[] = ['audit:read', 'agents:enroll', 'sites:manage'];
    const empty = new Map();
    const policy = { roles: new Map([['watch', role]]), departments: empty };
    const caller = callerOfClaims({ ...right, roles: ['watch'] }, names);

    const known = underPolicy(caller, {
      ...policy,
      departmentOfTeam: empty,
      teamsOfUser: empty,
    });

    expect(caller.permissions).toEqual(new Set());
    expect(known.permissions).toEqual(new Set(['audit:read']));
  });

  it('makes no administrator of the site of an owner', () => {
    const { permissions, isSiteAdmin } = callerOfClaims({ ...right, roles: ['owner'] }, names);

    expect(isSiteAdmin).toBe(false);
    expect(permissions).toContain('keys:rotate');
    expect(permissions).not.toContain('sites:manage');
    expect(permissions).not.toContain('agents:enroll');
  });

  it('finds claims by other names, and within others', () => {
    const claims = {
      exp: EXP,
      sub: 'ada',
      'https://example.com/tenant': 'acme',
      realm_access: { roles: ['auditor'] },
    };
    const others = {
      ...names,
      user: 'sub',
      tenant: 'https://example.com/tenant',
      roles: 'realm_access.roles',
    };

    expect(callerOfClaims(claims, others)).toMatchObject({
      user: 'ada',
      org: 'acme',
      roles: ['auditor'],
    });
  });

  it.each([
    ['no user', { user_id: undefined }],
    ['a user that is a number', { user_id: 7 }],
    ['an empty user', { user_id: '' }],
    ['a user of blanks', { user_id: ' ' }],
    ['a user with a line end', { user_id: 'ada\nroot' }],
    ['a user of 201 letters', { user_id: 'a'.repeat(201) }],
    ['no tenant', { tenant_id: undefined }],
    ['tenants in a list', { tenant_id: ['acme', 'globex'] }],
    ['roles that are a number', { roles: 1 }],
    ['roles that are not all texts', { roles: ['viewer', { name: 'owner' }] }],
    ['permissions in a map', { permissions: { 'audit:read': true } }],
    ['departments that are a number', { departments: 3 }],
  ])('refuses a token with %s', (_what, claims) => {
    const call = () => callerOfClaims({ ...right, ...claims }, names);

    expect(call).toThrow(expect.objectContaining({ code: 'AUTH_TOKEN_INVALID' }));
  });
});
