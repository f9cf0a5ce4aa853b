import { rm } from 'node:fs/promises';
import { type Answered, ask } from './app.ts';
import { temporaryFolder } from './git.ts';
import { type OrgApi, openOrg } from './org-api.ts';
import { packPlugin, type WrittenPlugin } from './plugins.ts';
import { openService, type TestService } from './service.ts';
import { smallRegistry } from './small-registry.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Of an answer: `error` of a refusal, else `data`. */
export interface Envelope<T> {
  data: T;
  error: {
    code: string;
    message: string;
    details?: Record<string, unknown>;
    validationErrors?: { field: string }[];
  };
}

/** A service with packages in its folder, which organisations enable. */
export interface PackedPlugins {
  service: TestService;
  /** One whose `registry.yaml` has this `spec`, beside other files. */
  openOrg(org: string, spec: object, files?: Readonly<Record<string, string>>): Promise<OrgApi>;
  /** A path below `/api/v1`; null is nobody's token. */
  send<T>(
    method: Method,
    path: string,
    asked: { token: string | null; body?: unknown },
  ): Promise<Answered<Envelope<T>>>;
  close(): Promise<void>;
}

export async function openPacked(plugins: readonly WrittenPlugin[]): Promise<PackedPlugins> {
  const dir = await temporaryFolder('waymark-packages-');
  for (const plugin of plugins) await packPlugin(dir, plugin);
  const service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
  });
  const orgs: OrgApi[] = [];
  return {
    service,
    async openOrg(org, spec, files = {}) {
      const registry = { 'registry.yaml': documentOf('Registry', spec), ...files };
      const opened = await openOrg(service, { org, files: { ...smallRegistry, ...registry } });
      orgs.push(opened);
      return opened;
    },
    send: (method, path, { token, body }) =>
      ask(`${service.url}/api/v1${path}`, {
        method,
        ...(token !== null && { token }),
        ...(body !== undefined && { body }),
      }),
    async close() {
      for (const org of orgs) await org.close();
      await service.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export const documentOf = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });
