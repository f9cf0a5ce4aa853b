import { expect } from 'vitest';
import type { DiscoveredResource } from '../../src/plugin-host/contract/read-integration.ts';
import type { HealthCheck, PluginHealth } from '../../src/plugin-host/contract/read-lifecycle.ts';
import type { WireMethod } from '../../src/plugin-host/contract/wire.ts';
import type { HostCall } from '../../src/plugin-host/plugin-host.ts';
import { pluginOfType } from '../../src/registry/builtin-plugins.ts';
import { ask } from './app.ts';
import { type OrgApi, openOrg } from './org-api.ts';
import { openService, type TestService } from './service.ts';
import { smallRegistry } from './small-registry.ts';

export interface TestIntegration {
  type: string;
  config: object;
  /** Values, by field: they are stored as secrets of the org. */
  credentials?: Readonly<Record<string, string>>;
  enabled?: boolean;
}

export interface Bound {
  /** Of `registry.yaml`, by plugin. */
  plugins?: Readonly<Record<string, object>>;
  /** By name; their plugins are enabled. */
  integrations?: Readonly<Record<string, TestIntegration>>;
  /** More of the registry. */
  files?: Readonly<Record<string, string>>;
  /** Secrets of the org, by name. */
  secrets?: Readonly<Record<string, string>>;
}

/** A service whose org `tools` binds server parts, as whoever calls the host sees it. */
export interface BoundService {
  service: TestService;
  org: OrgApi;
  /** What is bound from now on, besides what was bound before. */
  bind(bound: Bound): Promise<void>;
  call(
    call: Pick<HostCall, 'pluginId' | 'method' | 'params'> & Partial<HostCall>,
  ): Promise<unknown>;
  test(
    name: string,
    overlay?: HostCall['overlay'],
  ): Promise<{ ok: boolean; checks: HealthCheck[] }>;
  health(name: string): Promise<PluginHealth>;
  discover(name: string, resourceType: string, more?: object): Promise<DiscoveredResource[]>;
  run<T = unknown>(name: string, operation: string, params?: object): Promise<T>;
  close(): Promise<void>;
}

export const document = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });

/** This machine may be reached. */
export async function openBound(
  bound: Bound = {},
  settings: Readonly<Record<string, string>> = {},
): Promise<BoundService> {
  const service = await openService(undefined, {
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
    ...settings,
  });
  const org = await openOrg(service, { files: smallRegistry });
  const known: { plugins: Record<string, object>; types: Record<string, string> } = {
    plugins: {},
    types: {},
  };

  const keep = async (name: string, value: string) => {
    const url = `${service.url}/api/v1/secrets/${name}`;
    const answer = await ask(url, { method: 'PUT', token: org.admin, body: { value } });
    expect(answer.status, answer.text).toBe(200);
  };

  async function bind({ plugins, integrations = {}, files, secrets = {} }: Bound) {
    for (const [name, value] of Object.entries(secrets)) await keep(name, value);
    const written: Record<string, string> = { ...files };
    for (const [name, { credentials = {}, ...spec }] of Object.entries(integrations)) {
      const references: Record<string, object> = {};
      for (const [field, value] of Object.entries(credentials)) {
        const secretRef = `${name}-${field.toLowerCase()}`;
        await keep(secretRef, value);
        references[field] = { secretRef };
      }
      written[`integrations/${name}.yaml`] = document('Integration', {
        ...spec,
        credentials: references,
      });
      known.types[name] = spec.type;
      known.plugins[pluginOfType(spec.type)] ??= {};
    }
    Object.assign(known.plugins, plugins);
    written['registry.yaml'] = document('Registry', {
      departments: { field: {} },
      plugins: known.plugins,
    });
    await org.push(written);
    await service.plugins.settled('tools');
  }

  const call: BoundService['call'] = (one) =>
    service.plugins.call({ org: 'tools', requestId: 'request-1', ...one });
  const ofIntegration = (name: string, method: WireMethod, params = {}, more = {}) => {
    const type = known.types[name]!;
    return call({
      pluginId: pluginOfType(type),
      binding: { scope: 'integration', id: name },
      method,
      params: { integration: { id: name, type }, ...params },
      ...more,
    }) as Promise<never>;
  };

  await bind(bound);
  return {
    service,
    org,
    bind,
    call,
    test: (name, overlay) => ofIntegration(name, 'integration.test', {}, overlay && { overlay }),
    health: (name) => ofIntegration(name, 'integration.health'),
    async discover(name, resourceType, more = {}) {
      const answer = await ofIntegration(name, 'integration.discover', { resourceType, ...more });
      return (answer as { resources: DiscoveredResource[] }).resources;
    },
    run: (name, operation, params = {}) =>
      ofIntegration(name, 'integration.call', { operation, params }),
    async close() {
      await org.close();
      await service.close();
    },
  };
}
