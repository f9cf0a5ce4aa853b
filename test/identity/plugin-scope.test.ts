import { describe, expect, it } from 'vitest';
import type { Caller } from '../../src/identity/caller.ts';
import { checkPluginScope, hasPluginScope } from '../../src/identity/plugin-scope.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { PluginScope } from '../../src/model/permissions.ts';

const read = 'plugin:example:read';

const callerWith = (part: Partial<Caller>): Caller => ({
  kind: 'key',
  id: 'k',
  actor: 'key:k',
  org: 'acme',
  user: null,
  teams: [],
  roles: ['viewer'],
  grantRoles: ['viewer'],
  permissions: new Set(),
  isSiteAdmin: false,
  ...part,
});

const ofKey = (...scopes: PluginScope[]) => callerWith({ scopes: new Set(scopes) });

describe('hasPluginScope', () => {
  it('is what a key’s list says, to the word', () => {
    const key = ofKey(read, 'plugin:other:write');

    expect(hasPluginScope(key, read)).toBe(true);
    expect(hasPluginScope(key, 'plugin:example:write')).toBe(false);
    expect(hasPluginScope(key, 'plugin:other:read')).toBe(false);
  });

  it('is not an administrator’s whose list leaves it out', () => {
    const key = { ...ofKey('plugin:other:read'), roles: ['owner'] as Role[], isSiteAdmin: true };

    expect(hasPluginScope(key, read)).toBe(false);
  });

  it.each<[Partial<Caller>, boolean]>([
    [{ roles: ['viewer'] }, false],
    [{ roles: ['publisher', 'approver'] }, false],
    [{ roles: ['admin'] }, true],
    [{ roles: ['owner'] }, true],
    [{ roles: ['admin'], within: [['admin']] }, true],
    [{ roles: ['admin'], within: [['editor']] }, false],
    [{ isSiteAdmin: true }, true],
  ])('of a key without a list with %j: %s', (part, expected) => {
    expect(hasPluginScope(callerWith(part), read)).toBe(expected);
  });

  it.each<[Caller['kind'], boolean]>([
    ['user', true],
    ['jwt', true],
    ['client', false],
    ['anonymous', false],
  ])('of kind %s: %s', (kind, expected) => {
    expect(hasPluginScope(callerWith({ kind }), read)).toBe(expected);
  });

  it('is no client’s, whatever its enroller has', () => {
    expect(hasPluginScope({ ...ofKey(read), kind: 'client' }, read)).toBe(false);
  });
});

describe('checkPluginScope', () => {
  it.each<[Partial<Caller>, string]>([
    [{}, 'this needs a key with the scope plugin:example:read'],
    [{ kind: 'client' }, 'a client’s token is for delivery alone: use an API key'],
  ])('is 403 with %j: %s', (part, message) => {
    expect(() => checkPluginScope(callerWith(part), read)).toThrowError(
      expect.objectContaining({ code: 'PERM_DENIED', message }),
    );
  });
});
