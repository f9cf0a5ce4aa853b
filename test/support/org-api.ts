import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { makeOwnKey } from '../../cli/password-login.ts';
import type { Role } from '../../src/identity/roles.ts';
import { type Answered, type Asked, ask } from './app.ts';
import { runGit, temporaryFolder } from './git.ts';
import type { TestService } from './service.ts';
import { push } from './site.ts';
import { smallRegistry } from './small-registry.ts';

/** One organisation of a service, as its people and programs ask for things. */
export interface OrgApi {
  org: string;
  /** An administrator's key of the org. */
  admin: string;
  /** A path below the org's delivery; as an administrator unless `token` says otherwise. */
  get<T = unknown>(path: string, asked?: Asked): Promise<Answered<T>>;
  /** A path below `/api/v1`, as an administrator; answers `data`. */
  post<T = unknown>(path: string, body: unknown): Promise<T>;
  keyOf(who: { role?: Role; user?: string; teams?: string[]; expiresAt?: string }): Promise<string>;
  /** An API key that a new member of the org made for themselves. */
  ownKeyOf(who: { username: string; role: Role }): Promise<string>;
  enrol(
    token: string,
    more?: Record<string, unknown>,
  ): Promise<{ clientId: string; token: string }>;
  /** Pushes a change of the registry with git; answers the commit. */
  push(files: Readonly<Record<string, string | null>>): Promise<string>;
  /** Publishes versions, each as `plugin@version`. */
  publish(...versions: string[]): Promise<void>;
  /** Goes on at the address of a service that was started again. */
  follow(service: Site): Promise<void>;
  /** Removes the work tree. */
  close(): Promise<void>;
}

type Site = Pick<TestService, 'url' | 'admin'>;

/** A new org with `files` as its registry. */
export async function openOrg(
  service: Site,
  { org = 'tools', files = smallRegistry as Readonly<Record<string, string>> } = {},
): Promise<OrgApi> {
  let at = service;
  const site = async <T>(path: string, body: unknown): Promise<T> => {
    const headers = { 'x-waymark-org': path === '/orgs' ? '*' : org };
    const url = `${at.url}/api/v1${path}`;
    const answer = await ask<{ data: T }>(url, { token: at.admin, headers, body });
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body.data;
  };
  await site('/orgs', { slug: org, initial: 'empty' });
  let keys = 0;
  const keyOf: OrgApi['keyOf'] = async ({ role = 'viewer', ...who }) => {
    keys += 1;
    const body = { name: `key-${keys}`, roles: [role], ...who };
    return (await site<{ key: string }>('/api-keys', body)).key;
  };
  const admin = await keyOf({ role: 'admin' });
  const ownKeyOf: OrgApi['ownKeyOf'] = async ({ username, role }) => {
    const password = 'correct horse battery';
    const { id } = await site<{ id: string }>('/users', { username, password });
    const url = `${at.url}/api/v1/members/${id}`;
    const body = { roles: [role] };
    const answer = await ask(url, { method: 'PUT', token: admin, body });
    expect(answer.status, answer.text).toBe(201);
    const login = { username, password, org };
    return (await makeOwnKey(at.url, login, Date.now)).token;
  };
  const tree = await temporaryFolder('waymark-tree-');
  const remoteAt = (url: string) => `${url.replace('//', `//git:${admin}@`)}/git/${org}.git`;
  await runGit(tree, ['init', '-q', '-b', 'main']);
  await runGit(tree, ['remote', 'add', 'origin', remoteAt(service.url)]);

  const get = <T>(path: string, asked: Asked = {}) =>
    ask<T>(`${at.url}/v1/orgs/${org}/delivery${path}`, { token: admin, ...asked });

  const api: OrgApi = {
    org,
    admin,
    get,
    post: site,
    keyOf,
    ownKeyOf,
    async enrol(token, more = {}) {
      const body = { name: 'laptop', ...more };
      const answer = await get<{ clientId: string; token: string }>('/clients', { token, body });
      expect(answer.status, answer.text).toBe(201);
      return answer.body;
    },
    async push(changes) {
      await runGit(tree, ['fetch', '-q', 'origin']);
      // Yanks are commits too; there is nothing yet before the first push.
      await runGit(tree, ['reset', '-q', '--hard', 'origin/main']).catch(() => {});
      await push(tree, changes);
      return runGit(tree, ['rev-parse', 'HEAD']);
    },
    async publish(...versions) {
      for (const one of versions) {
        const [plugin, version] = one.split('@');
        await site(`/components/${plugin}/versions`, { version });
      }
    },
    async follow(restarted) {
      at = restarted;
      await runGit(tree, ['remote', 'set-url', 'origin', remoteAt(at.url)]);
    },
    close: () => rm(tree, { recursive: true, force: true }),
  };
  await api.push(files);
  return api;
}
