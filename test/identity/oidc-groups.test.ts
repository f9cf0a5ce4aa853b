import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { applyGroups, type Groups, teamsOfGroups } from '../../src/identity/oidc-groups.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeMember, makeOrg, makeUser } from '../support/records.ts';

const clock = () => Date.parse('2026-03-01T12:00:00Z');

const groups: Groups = {
  'sales-eu': { org: 'acme', roles: ['editor'], teams: ['field'] },
  leads: { org: 'acme', roles: ['approver'], teams: ['field', 'leads'] },
  'globex-staff': { org: 'globex', roles: ['viewer'], teams: [] },
  guests: { org: 'initech', roles: [], teams: ['guests'] },
};

let stores: Stores;

beforeEach(async () => {
  stores = createMemoryStores();
  for (const slug of ['acme', 'globex', 'initech']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry());
  }
  for (const name of ['ada', 'bob']) await stores.users.insert(makeUser(name), makeEntry());
});

const apply = (names: string[], map = groups, name = 'ada') =>
  applyGroups({ ...stores, clock }, makeUser(name), { names, groups: map }, 'request-1');

const rolesIn = async (org: string, name = 'ada') =>
  (await stores.members.find(org, `id-of-${name}`))?.roles;

const entriesOf = async (org: string) =>
  (await stores.audit.list(org, 0, 100)).filter(({ actor }) => actor === 'system:oidc');

describe('teamsOfGroups', () => {
  it('gives each team once, as its org’s', () => {
    expect(teamsOfGroups(['sales-eu', 'leads', 'guests'], groups)).toEqual([
      'acme/field',
      'acme/leads',
      'initech/guests',
    ]);
  });

  it.each(['field', 'acme/field', 'everybody', 'constructor', '__proto__'])(
    'gives none for the group %s, which nobody has set',
    (name) => {
      expect(teamsOfGroups([name], groups)).toEqual([]);
    },
  );
});

describe('applyGroups', () => {
  it('makes a person a member with the roles of all their groups', async () => {
    await apply(['sales-eu', 'leads', 'everybody']);

    expect(await rolesIn('acme')).toEqual(['approver', 'editor']);
    expect(await rolesIn('globex')).toBeUndefined();
    expect(await entriesOf('acme')).toMatchObject([
      {
        action: 'member.add',
        resource: 'id-of-ada',
        after: { roles: ['approver', 'editor'] },
        requestId: 'request-1',
      },
    ]);
  });

  it('takes away what a group gave, and what was given by hand', async () => {
    await stores.members.insert(makeMember('ada', { roles: ['admin'] }), makeEntry());

    await apply(['sales-eu']);

    expect(await rolesIn('acme')).toEqual(['editor']);
    expect(await entriesOf('acme')).toMatchObject([
      { action: 'member.change', before: { roles: ['admin'] }, after: { roles: ['editor'] } },
    ]);
  });

  it('keeps departments, which no group gives', async () => {
    await stores.members.insert(makeMember('ada', { roles: ['admin'] }), makeEntry());

    await apply(['sales-eu']);

    const member = await stores.members.find('acme', 'id-of-ada');
    expect(member).toMatchObject({ departments: ['sales'], version: 2 });
  });

  it('ends a membership that no group gives any more', async () => {
    await apply(['sales-eu']);

    await apply([]);

    expect(await rolesIn('acme')).toBeUndefined();
    expect((await entriesOf('acme')).map(({ action }) => action)).toEqual([
      'member.add',
      'member.remove',
    ]);
  });

  it('writes nothing where nothing changes', async () => {
    await apply(['sales-eu', 'leads']);

    await apply(['leads', 'sales-eu']);

    expect(await entriesOf('acme')).toHaveLength(1);
  });

  it('leaves an org alone in which groups give no roles', async () => {
    await stores.members.insert(makeMember('ada', { org: 'initech' }), makeEntry());

    await apply(['guests']);
    await apply([]);

    expect(await rolesIn('initech')).toEqual(['editor']);
    expect(await entriesOf('initech')).toEqual([]);
  });

  it('leaves an org its last owner', async () => {
    await stores.members.insert(makeMember('ada', { roles: ['owner'] }), makeEntry());

    await apply([]);

    expect(await rolesIn('acme')).toEqual(['owner']);
  });

  it('passes over an org that is not there', async () => {
    await apply(['staff'], { staff: { org: 'nowhere', roles: ['viewer'], teams: [] } });

    expect(await entriesOf('nowhere')).toEqual([]);
  });

  it('is RES_VERSION_CONFLICT when somebody else changed the membership meanwhile', async () => {
    await apply(['sales-eu']);
    stores.members.replace = async () => 'changed-meanwhile';

    await expect(apply(['leads'])).rejects.toMatchObject({ code: 'RES_VERSION_CONFLICT' });
  });
});
