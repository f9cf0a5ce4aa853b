import { Failure } from '../errors.ts';
import { type Connection, type Request, request } from '../http.ts';
import type { DevServer } from './dev-server.ts';

/** What the server shows of a plugin. */
export interface ShownPlugin {
  id: string;
  version: string;
  state: string;
  enabled: boolean;
  routes: readonly string[];
  menu: readonly { title: string; href: string }[];
  pending: { version: string; reason: string } | null;
  lastError: string | null;
}

const LIMIT_BYTES = 4 * 1024 * 1024;

/** One call of `/v0/management`: its `data`. */
export async function callManagement<T>(
  { url, org, managementKey }: DevServer,
  asked: Omit<Request, 'limitBytes'>,
): Promise<T> {
  const connection: Connection = { url, org, token: managementKey };
  const path = `/v0/management${asked.path}`;
  const { body } = await request(connection, { ...asked, path, limitBytes: LIMIT_BYTES });
  return (JSON.parse(body.toString()) as { data: T }).data;
}

/** @throws {Failure} where it is not there, or cannot run */
export async function findPlugin(server: DevServer, id: string): Promise<ShownPlugin> {
  const { plugins } = await callManagement<{ plugins: ShownPlugin[] }>(server, {
    path: '/plugins',
  });
  const found = plugins.find((one) => one.id === id);
  if (!found) throw new Failure(`the server does not have ${id}: see its log`);
  const fault = found.state === 'failed' ? found.lastError : found.pending?.reason;
  if (fault) throw new Failure(`${id} does not run: ${fault}`);
  return found;
}
