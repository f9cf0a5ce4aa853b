import { beforeAll, describe, expect, it } from 'vitest';
import type { ReleaseRow } from '../../src/delivery/publication.ts';
import { changeRequestRoutes } from '../../src/http/change-request-routes.ts';
import { namespaceRoutes } from '../../src/http/namespace-routes.ts';
import { createPluginReader } from '../../src/http/plugin-reader.ts';
import { pluginRoutes } from '../../src/http/plugin-routes.ts';
import { releaseRoutes } from '../../src/http/release-routes.ts';
import { ANONYMOUS, type Caller } from '../../src/identity/caller.ts';
import { policyOf } from '../../src/identity/org-policy.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import type { ReadPort, ReadQuery } from '../../src/plugin-host/callbacks/read-port.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { fakePluginHost } from '../support/fakes/plugin-host.ts';
import { makeChangeRequest, makeEntry, makeOrg, makeRelease } from '../support/records.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const departments = 'technology: {}, engineering: {parent: technology}, sales: {}';

let read: ReadPort;

beforeAll(async () => {
  const files = smallRegistry({
    'registry.yaml': registryYaml(`departments: {${departments}}`),
    'namespaces/tools.yaml': yaml('Namespace', 'department: engineering'),
    'namespaces/emea.yaml': yaml('Namespace', 'department: sales'),
  });
  const { config } = snapshotOf(await compileFiles(files));
  const stores = createMemoryStores();
  for (const org of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(org), makeEntry());
    const request = makeChangeRequest({ org, title: `of ${org}` });
    await stores.changeRequests.insert(request, () => makeEntry());
  }
  const runtimes = runtimesOf(config, [makeRelease('1.0.0'), makeRelease('1.1.0')]);
  const plugins = fakePluginHost([{ id: 'desk' }, { id: 'wiki', isEnabled: false }]);
  const deps = { ...stores, runtimes, plugins } as never;
  const rows = [
    ...namespaceRoutes(deps),
    ...releaseRoutes(deps),
    ...changeRequestRoutes(deps),
    ...pluginRoutes(deps),
  ];
  read = createPluginReader(rows, () => policyOf(config));
});

/** As much of what an org serves as these rows look at. */
function runtimesOf(config: unknown, releases: readonly ReleaseRow[]) {
  const [{ plugin }] = releases as [ReleaseRow];
  const view = {
    published: { config, records: new Map() },
    releases: new Map([[plugin, releases]]),
    releasesByTag: new Map([['release/autumn', releases.slice(1)]]),
    statuses: new Map(),
  };
  return {
    find: (slug: string) => ({ org: { slug }, view, maybeView: view }),
    all: () => [],
  };
}

const callerOf = (role: Role, part: Partial<Caller> = {}): Caller => ({
  ...ANONYMOUS,
  kind: 'user',
  org: 'acme',
  roles: [role],
  permissions: permissionsOf([role]),
  ...part,
});

const ofNamespace = (departmentId: string): Binding => ({
  ...bareBinding('example'),
  scope: 'namespace',
  id: `some.example`,
  departmentId,
});

interface Page {
  items: { id: string; title: string; version: string; name: string }[];
  pagination: { totalItems: number };
}

const ask = (
  query: ReadQuery,
  {
    binding = bareBinding('example'),
    caller,
    org = 'acme',
  }: {
    binding?: Binding;
    caller?: Caller;
    org?: string;
  } = {},
) => read({ org, binding, requestId: 'request-1', ...(caller && { caller }) }, query);

const idsOf = async (...all: Parameters<typeof ask>) =>
  ((await ask(...all)) as Page).items.map(({ id }) => id);

describe('host.read of namespaces', () => {
  const query = { resource: 'namespaces' };

  it('gives an org’s binding all of them', async () => {
    expect(await idsOf(query)).toEqual(['emea', 'tools']);
  });

  it('gives a namespace’s those of its department and below', async () => {
    expect(await idsOf(query, { binding: ofNamespace('technology') })).toEqual(['tools']);
    expect(await idsOf(query, { binding: ofNamespace('sales') })).toEqual(['emea']);
  });

  it.each<[string, Caller, string | null, string[]]>([
    ['an admin', callerOf('admin'), null, ['emea', 'tools']],
    ['an admin', callerOf('admin'), 'sales', ['emea']],
    ['a member', callerOf('viewer', { departments: ['technology'] }), null, ['tools']],
    ['a member', callerOf('viewer', { departments: ['technology'] }), 'engineering', ['tools']],
    ['a member', callerOf('viewer', { departments: ['technology'] }), 'sales', []],
    ['a stranger', callerOf('viewer'), 'sales', []],
    ['a site admin', callerOf('viewer', { isSiteAdmin: true }), 'sales', ['emea']],
  ])('shows %s what both may see: %#', async (_who, caller, department, expected) => {
    const binding = department === null ? bareBinding('example') : ofNamespace(department);

    expect(await idsOf(query, { binding, caller })).toEqual(expected);
  });

  it('hides one of another department', async () => {
    const one = ask({ ...query, id: 'emea' }, { binding: ofNamespace('technology') });

    await expect(one).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    expect(await ask({ ...query, id: 'emea' })).toMatchObject({ id: 'emea', department: 'sales' });
  });

  it('needs the permission of whoever it acts for', async () => {
    const answer = ask(query, { caller: callerOf('client') });

    await expect(answer).rejects.toMatchObject({ code: 'PERM_DENIED' });
  });
});

describe('host.read of releases', () => {
  it('knows a version and a named release by their tags', async () => {
    const { plugin } = makeRelease('1.0.0');

    const version = await ask({ resource: 'releases', id: `${plugin}--v1.1.0` });
    const named = await ask({ resource: 'releases', id: 'release/autumn' });

    expect(version).toMatchObject({ plugin, version: '1.1.0' });
    expect(named).toMatchObject({ name: 'autumn' });
    expect(await ask({ resource: 'releases', id: 'autumn' })).toEqual(named);
  });

  it('lists the named ones, or those of a plugin, in pages', async () => {
    const { plugin } = makeRelease('1.0.0');

    const named = (await ask({ resource: 'releases' })) as Page;
    const query = { resource: 'releases', filter: { plugin }, page: 1, pageSize: 1 };
    const versions = (await ask(query)) as Page;

    expect(named.items.map(({ name }) => name)).toEqual(['autumn']);
    expect([versions.items.length, versions.pagination.totalItems]).toEqual([1, 2]);
  });
});

describe('host.read of change requests', () => {
  const query = { resource: 'change-requests' };

  it('lists the org’s own, filtered and sorted as by the API', async () => {
    const titles = async (part: Partial<ReadQuery>, org = 'acme') =>
      ((await ask({ ...query, ...part }, { org })) as Page).items.map(({ title }) => title);

    expect(await titles({ filter: { status: 'open' }, sort: '-number' })).toEqual(['of acme']);
    expect(await titles({ filter: { status: 'merged' } })).toEqual([]);
    expect(await titles({}, 'globex')).toEqual(['of globex']);
    await expect(titles({ filter: { org: 'globex' } })).rejects.toMatchObject({
      code: 'VAL_FILTER',
    });
  });
});

describe('host.read of plugins', () => {
  it('gives the org’s, also to a namespace’s binding', async () => {
    const query = { resource: 'plugins', filter: { enabled: true } };

    expect(await idsOf({ resource: 'plugins' })).toEqual(['desk', 'wiki']);
    expect(await idsOf(query, { binding: ofNamespace('sales') })).toEqual(['desk']);
  });

  it('gives one of them', async () => {
    expect(await ask({ resource: 'plugins', id: 'wiki' })).toMatchObject({
      id: 'wiki',
      enabled: false,
    });
    await expect(ask({ resource: 'plugins', id: 'nobody' })).rejects.toMatchObject({
      code: 'PLG_NOT_FOUND',
    });
  });
});

it.each(['secrets', 'members', '/releases', '__proto__', '../orgs'])(
  'host.read reads no %s',
  async (resource) => {
    await expect(ask({ resource })).rejects.toMatchObject({ code: 'PLG_METHOD_UNSUPPORTED' });
  },
);
