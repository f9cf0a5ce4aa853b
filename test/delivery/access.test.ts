import { describe, expect, it } from 'vitest';
import { Access, type Principal } from '../../src/delivery/access.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const CLOSED: Files = { 'registry.yaml': registryYaml('') };

const accessOf = async (files: Files): Promise<Access> =>
  new Access(snapshotOf(await compileFiles(smallRegistry(files))).config);

const who = (part: Partial<Principal> = {}): Principal => ({
  user: null,
  teams: [],
  seesAll: false,
  ...part,
});
const ada = who({ user: 'ada@example.com' });
const field = yaml('Team', 'members: [ada@example.com]');

describe('Access.roleOn', () => {
  it('gives nobody but admins anything by default', async () => {
    const access = await accessOf(CLOSED);

    expect(access.roleOn('sales', ada)).toBeUndefined();
    expect(access.roleOn('sales', who({ seesAll: true }))).toBe('manager');
  });

  it('lets everybody view what has no grants where the registry says so', async () => {
    const access = await accessOf({ 'access/plugins/ops.yaml': yaml('Access', '') });

    expect(access.roleOn('sales', who())).toBe('viewer');
    expect(access.roleOn('ops', who())).toBeUndefined();
    expect(access.roleOn('ops', who({ seesAll: true }))).toBe('manager');
  });

  it.each<[string, string, Principal, string | undefined]>([
    ['everybody', 'orgWide: editor', who(), 'editor'],
    ['a member by name', 'members: [{user: ada@example.com, role: manager}]', ada, 'manager'],
    [
      'nobody of another name',
      'members: [{user: ada@example.com, role: manager}]',
      who({ user: 'eve@example.com' }),
      undefined,
    ],
    ['the users of a team', 'teams: [{team: field, role: editor}]', ada, 'editor'],
    [
      "a key's own team",
      'teams: [{team: field, role: editor}]',
      who({ teams: ['field'] }),
      'editor',
    ],
    [
      'nobody of another team',
      'teams: [{team: field, role: editor}]',
      who({ teams: ['desk'] }),
      undefined,
    ],
    ['nobody where no user is named', 'members: [{user: "null", role: viewer}]', who(), undefined],
    [
      'the strongest of several',
      'orgWide: viewer, teams: [{team: field, role: manager}], members: [{user: ada@example.com, role: editor}]',
      ada,
      'manager',
    ],
  ])('grants %s', async (_, spec, principal, role) => {
    const access = await accessOf({
      ...CLOSED,
      'access/teams/field.yaml': field,
      'access/plugins/sales.yaml': yaml('Access', spec),
    });

    expect(access.roleOn('sales', principal)).toBe(role);
    expect(access.roleOn('ops', principal)).toBeUndefined();
  });

  it("lets a marketplace's readers view what it lists, whatever their role on it", async () => {
    const access = await accessOf({
      ...CLOSED,
      'access/teams/field.yaml': field,
      'marketplaces/acme.yaml': yaml('Marketplace', 'title: Acme, plugins: [sales]'),
      'access/marketplaces/acme.yaml': yaml('Access', 'teams: [{team: field, role: manager}]'),
    });

    expect(access.roleOn('sales', ada)).toBe('viewer');
    expect(access.roleOn('ops', ada)).toBeUndefined();
    expect(access.roleOn('sales', who())).toBeUndefined();
  });
});

describe('Access.classOf', () => {
  it('is one for principals who see the same, in whatever order they are told of', async () => {
    const access = await accessOf({ ...CLOSED, 'access/teams/field.yaml': field });
    const of = (part: Partial<Principal>) => access.classOf(who(part));

    expect(of({ teams: ['b', 'a'] })).toBe(of({ teams: ['a', 'b', 'a'] }));
    expect(access.classOf(ada)).toBe(of({ user: 'ada@example.com', teams: ['field'] }));
    expect(of({ user: 'eve@example.com' })).not.toBe(of({}));
    expect(of({ seesAll: true, user: 'eve@example.com' })).toBe(of({ seesAll: true }));
  });
});
