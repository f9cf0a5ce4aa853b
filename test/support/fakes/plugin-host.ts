import { WaymarkError } from '../../../src/model/errors.ts';
import type { Binding } from '../../../src/plugin-host/binding.ts';
import { readRoutes } from '../../../src/plugin-host/contract/management-path.ts';
import { readManagement } from '../../../src/plugin-host/contract/read-management.ts';
import type { WireMethod } from '../../../src/plugin-host/contract/wire.ts';
import { type HostedPlugin, UNTOUCHED } from '../../../src/plugin-host/hosted-plugin.ts';
import { unreadManifest } from '../../../src/plugin-host/part.ts';
import type { HostCall, PluginHost } from '../../../src/plugin-host/plugin-host.ts';
import { bareBinding } from '../../../src/plugin-host/question.ts';
import type { Capability, PluginManifest } from '../../../src/registry/server-manifest/manifest.ts';

type Handler = (params: Record<string, unknown>) => unknown;

/** A server part that runs in the test itself. */
export interface FakePlugin extends Partial<Omit<HostedPlugin, 'manifest' | 'routes' | 'pages'>> {
  id: string;
  manifest?: Partial<Omit<PluginManifest, 'capabilities'>>;
  capabilities?: readonly Capability[];
  /** As `management.register` answers. */
  management?: object;
  isUnconfined?: boolean;
  methods?: Partial<Record<WireMethod, Handler>>;
}

export interface FakePluginHost extends PluginHost {
  /** All that was asked, the last at the end. */
  calls: HostCall[];
  /** What the site's operator did, such as `reload example`. */
  done: string[];
}

/** Every org has the same plugins. Whatever is not asked for here is not there. */
export function fakePluginHost(
  fakes: readonly FakePlugin[],
  { bindings = [] }: { bindings?: readonly Binding[] } = {},
): FakePluginHost {
  const hosted = new Map(fakes.map((fake) => [fake.id, hostedOf(fake)]));
  const calls: HostCall[] = [];
  const done: string[] = [];
  const all = [...fakes.map(({ id }) => bareBinding(id)), ...bindings];
  const findBinding: PluginHost['findBinding'] = (_org, ref) =>
    all.find(({ scope, id }) => scope === ref.scope && id === ref.id);
  const unlikely = async () => {
    throw new Error('the fake has no such thing');
  };
  const known = (id: string) => {
    if (!hosted.has(id)) throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
  };

  return {
    calls,
    done,
    plugins: () => [...hosted.values()],
    find: (_org, id) => hosted.get(id),
    bindings: () => all,
    findBinding,
    async call(call) {
      calls.push(call);
      const handler = fakes.find(({ id }) => id === call.pluginId)?.methods?.[call.method];
      if (!handler) throw new WaymarkError('PLG_METHOD_UNSUPPORTED', `no ${call.method}`);
      const params = { ...call.params, context: { orgId: call.org } };
      const result = await handler(JSON.parse(JSON.stringify(params)));
      const copy: unknown = JSON.parse(JSON.stringify(result ?? null));
      return call.read ? call.read(copy) : copy;
    },
    loadRoutes: async () => {},
    async setEnabled(id, isEnabled, { actor }) {
      known(id);
      done.push(`${isEnabled ? 'enable' : 'disable'} ${id} ${actor}`);
    },
    async reload(id) {
      known(id);
      done.push(`reload ${id}`);
    },
    async approveProcess(id, { actor }) {
      known(id);
      done.push(`approve ${id} ${actor}`);
    },
    settled: async () => {},
    checkConfig: unlikely,
    reset: unlikely,
    stopBinding: unlikely,
    resumeBinding: unlikely,
    findStop: () => undefined,
    close: async () => {},
  };
}

function hostedOf({
  capabilities = ['management_api', 'api_routes'],
  management = {},
  isUnconfined = false,
  methods: _methods,
  manifest = {},
  ...fake
}: FakePlugin): HostedPlugin {
  const { routes, pages: resources } = readManagement(management);
  const registered = readRoutes({ routes, resources }, { pluginId: fake.id, isUnconfined });
  return {
    version: '1.0.0',
    source: 'host',
    digest: '',
    signature: 'unsigned',
    trust: 'untrusted',
    isEnabled: true,
    priority: 0,
    state: 'active',
    grants: [],
    requested: [],
    pending: null,
    lastError: null,
    health: UNTOUCHED,
    ...fake,
    manifest: {
      ...unreadManifest(fake.id),
      ...manifest,
      capabilities: new Set(capabilities),
    },
    routes: registered.routes,
    pages: registered.pages,
  };
}
