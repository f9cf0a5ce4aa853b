import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceRoutes } from '../../src/http/namespace-routes.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { Snapshot } from '../../src/registry/snapshot.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { makeApiKey, makeEntry } from '../support/records.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const departments =
  'technology: {}, engineering: {parent: technology, title: Engineering}, sales: {}';

let app: TestApp;

beforeAll(async () => {
  const config = await configOf({
    'registry.yaml': registryYaml(`departments: {${departments}}`),
    'access/teams/builders.yaml': yaml('Team', 'members: [ada], department: technology'),
    'access/teams/sellers.yaml': yaml('Team', 'members: [bob], department: sales'),
    'namespaces/tools.yaml': yaml('Namespace', 'department: engineering'),
    'namespaces/emea.yaml': yaml('Namespace', 'department: sales, covers: {plugins: [ops]}'),
  });
  const runtimes = { find: () => ({ maybeView: { published: { config } } }) };
  app = await serveApp({ rows: () => namespaceRoutes({ runtimes }) });
});

afterAll(() => app.close());

async function configOf(files: Record<string, string>): Promise<Snapshot['config']> {
  return snapshotOf(await compileFiles(smallRegistry(files))).config;
}

async function keyOf(user: string | null, role: Role = 'viewer'): Promise<string> {
  const { id, token, secretHash } = mintApiKey();
  const part = { secretHash, org: 'acme', user, teams: [], roles: [role] };
  await app.stores.apiKeys.insert(makeApiKey(id, part), makeEntry());
  return token;
}

const ids = ({ body }: { body: { data: { id: string }[] } }) => body.data.map(({ id }) => id);
const list = async (path: string, token: string) =>
  ids(await app.ask<{ data: { id: string }[] }>(path, { token }));

describe('GET /departments', () => {
  it('lists all of them for an admin', async () => {
    const answer = await app.ask<{ data: unknown[] }>('/departments', {
      token: await keyOf(null, 'admin'),
    });

    expect(answer.body.data).toEqual([
      { id: 'technology', title: 'technology', parent: null },
      { id: 'engineering', title: 'Engineering', parent: 'technology' },
      { id: 'sales', title: 'sales', parent: null },
    ]);
  });

  it('lists a member’s own and those below', async () => {
    expect(await list('/departments', await keyOf('ada'))).toEqual(['technology', 'engineering']);
  });

  it('lists none for whoever is of no department', async () => {
    expect(await list('/departments', await keyOf(null))).toEqual([]);
  });
});

describe('GET /namespaces', () => {
  it('lists those of a department below one’s own', async () => {
    expect(await list('/namespaces', await keyOf('ada'))).toEqual(['tools']);
  });

  it('lists all of them for an owner', async () => {
    expect(await list('/namespaces', await keyOf(null, 'owner'))).toEqual(['emea', 'tools']);
  });
});

describe('GET /namespaces/:id', () => {
  it('gives one of the own department', async () => {
    const answer = await app.ask<{ data: unknown }>('/namespaces/emea', {
      token: await keyOf('bob'),
    });

    expect(answer.body.data).toEqual({
      id: 'emea',
      path: 'namespaces/emea.yaml',
      department: 'sales',
      covers: { plugins: ['ops'] },
    });
  });

  it('answers for a sibling department’s as for one that is nowhere', async () => {
    const token = await keyOf('bob');

    const [hidden, unknown] = await Promise.all(
      ['tools', 'nowhere'].map((id) => app.ask<Refused>(`/namespaces/${id}`, { token })),
    );

    expect(hidden?.status).toBe(404);
    expect(hidden?.body.error).toEqual({
      ...unknown?.body.error,
      message: unknown?.body.error.message.replace('nowhere', 'tools'),
    });
  });
});
