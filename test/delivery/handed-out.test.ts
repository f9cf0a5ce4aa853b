import { describe, expect, it } from 'vitest';
import { findHandedOut } from '../../src/delivery/handed-out.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { registryYaml } from '../support/registry.ts';

const tree = async (roles: string) =>
  snapshotOf(await compileFiles({ 'registry.yaml': registryYaml(`roles: {${roles}}`) }));

const captain = (...permissions: string[]) =>
  `captain: {title: Captain, permissions: [${permissions.map((one) => `'${one}'`).join(', ')}]}`;

async function handedOut(by: Role, after: string, before?: string): Promise<string[]> {
  const was = before === undefined ? undefined : await tree(before);
  return findHandedOut(was, await tree(after), permissionsOf([by]));
}

describe('findHandedOut', () => {
  it('tells what a role would allow that whoever brings it may not', async () => {
    expect(await handedOut('publisher', captain('releases:publish', 'keys:rotate'))).toEqual([
      'registry.yaml gives the role captain keys:rotate, which you do not have yourself',
    ]);
  });

  it.each<[Role, string]>([
    ['publisher', 'members:write'],
    ['publisher', 'promotions:approve'],
    ['admin', 'keys:rotate'],
  ])('keeps a %s from giving %s to a role that is there', async (role, permission) => {
    const before = captain('releases:publish');

    expect(await handedOut(role, captain('releases:publish', permission), before)).toHaveLength(1);
  });

  it('lets stand what was given before', async () => {
    const before = captain('keys:rotate');

    expect(await handedOut('publisher', captain('keys:rotate', 'releases:read'), before)).toEqual(
      [],
    );
  });

  it.each([
    ['an owner', 'owner' as const, captain('keys:rotate')],
    ['who takes away', 'publisher' as const, ''],
    ['an admin, of what nothing asks for yet', 'admin' as const, captain('promotions:approve')],
    [
      'a name that stays a built-in role’s',
      'publisher' as const,
      captain('keys:rotate').replace('captain', 'viewer'),
    ],
  ])('says nothing of %s', async (_what, role, after) => {
    expect(await handedOut(role, after, '')).toEqual([]);
  });
});
