import { readdir } from 'node:fs/promises';
import { proposeBy } from '../changes/propose.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { changeRequestRoutes } from '../http/change-request-routes.ts';
import { integrationRoutes } from '../http/integration-routes.ts';
import { namespaceRoutes } from '../http/namespace-routes.ts';
import { createPluginReader } from '../http/plugin-reader.ts';
import { pluginRoutes } from '../http/plugin-routes.ts';
import { releaseRoutes } from '../http/release-routes.ts';
import { policyOf } from '../identity/org-policy.ts';
import { BUILTINS } from '../plugin-host/builtin/index.ts';
import { model } from '../plugin-host/builtin/model/model.ts';
import { modelPort } from '../plugin-host/builtin/model/model-port.ts';
import { webhooks } from '../plugin-host/builtin/webhooks.ts';
import { createBindingSecrets } from '../plugin-host/callbacks/binding-secrets.ts';
import { createCallRecords } from '../plugin-host/callbacks/call-records.ts';
import { createCallbacks } from '../plugin-host/callbacks/callbacks.ts';
import type { ReadPort } from '../plugin-host/callbacks/read-port.ts';
import { bindingProblems } from '../plugin-host/check-config.ts';
import { configForBy } from '../plugin-host/config-for.ts';
import { createSchemaChecker } from '../plugin-host/contract/schema-checker.ts';
import type { FindPart } from '../plugin-host/enable-plugin.ts';
import { forgetBindings } from '../plugin-host/forget-bindings.ts';
import { createPluginHost } from '../plugin-host/host.ts';
import type { PartFault } from '../plugin-host/part.ts';
import { Places } from '../plugin-host/places.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { createProcesses } from '../plugin-host/runtime/process.ts';
import { createSandboxes } from '../plugin-host/runtime/sandbox.ts';
import { SiteParts } from '../plugin-host/site-parts.ts';
import { builtinPart } from '../plugin-host/sources/builtin-part.ts';
import { serverPartIds } from '../plugin-host/sources/registry-part.ts';
import { registryPart, registryParts } from '../plugin-host/sources/registry-parts.ts';
import { after } from '../plugin-host/timers.ts';
import type { Parts } from './routers.ts';

type Needed = Omit<Parts, 'plugins' | 'schemas' | 'bindingVault' | 'findPart'>;

/** Whatever runs of server parts, and what their bindings' secrets are kept in. */
export async function openPlugins({ plugins: settings }: Config, parts: Needed) {
  await checkFolder(settings.dir);
  const { runtimes, pluginValues: kv, pluginStates: states, changeRequests, clock, log } = parts;
  const secrets = createBindingSecrets(parts);
  const schemas = createSchemaChecker();
  const records = createCallRecords();
  const callbacks = createCallbacks({
    ...parts,
    records,
    kv,
    secrets,
    read: (scope, query) => read(scope, query),
    model: modelPort(() => plugins),
    async checkValue(schema, value) {
      const verdict = await schemas.check(schema, value);
      return verdict.isValid ? [] : verdict.errors;
    },
  });
  const sandbox = createSandboxes().start;
  const sending = webhooks({ ...parts, random: Math.random });
  const builtins = [...BUILTINS, model(parts), sending].map(builtinPart);
  const site = new SiteParts({
    settings,
    builtins,
    states,
    sandbox,
    process: createProcesses().start,
  });
  const configFor = configForBy({ secrets, schemas });
  const guests = { records, callbacks, configFor, after, unconfined: settings.unconfined };
  const registry = { keys: settings.keys, sandbox };
  const plugins: PluginHost = await createPluginHost({
    runtimes,
    site,
    states,
    schemas,
    clock,
    log,
    registryParts: registryParts(registry),
    slots: { ...guests, clock, log, places: new Places(), checkBinding: bindingProblems(schemas) },
    forget: (org, gone) => forgetBindings({ kv, secrets }, org, gone),
    async isChangeOpen(org, number) {
      const status = (await changeRequests.find(org, number))?.status;
      return status === 'open' || status === 'draft';
    },
  });
  const findPart: FindPart = async (runtime, id, choice) => {
    const { view } = runtime;
    const part = site.find(id);
    if (part && !site.stateOf(id).isEnabled) return { ...part, fault: OFF_ON_SITE };
    if (part || !serverPartIds(view).includes(id)) return part;
    return await registryPart(registry, { runtime, view, id, choice });
  };
  const opened = { plugins, schemas, bindingVault: secrets, findPart };
  const read = readerOver({ ...parts, ...opened });
  return opened;
}

type Served = Needed & Pick<Parts, 'plugins' | 'schemas' | 'bindingVault' | 'findPart'>;

const OFF_ON_SITE: PartFault = {
  code: 'PLG_DISABLED',
  message: 'a site administrator has it switched off for everybody',
};

/** By rows of their own: the API's whole table is made later. */
function readerOver(parts: Served): ReadPort {
  const plugins = unstarted(parts.plugins);
  const still = { ...parts, plugins, propose: proposeBy(parts) };
  const rows = [
    ...namespaceRoutes(parts),
    ...releaseRoutes(parts),
    ...changeRequestRoutes(parts),
    ...pluginRoutes(still),
    ...integrationRoutes(still),
  ];
  return createPluginReader(rows, (org) => {
    const view = parts.runtimes.find(org)?.maybeView;
    return view && policyOf(view.published.config);
  });
}

/** As they are: a guest that reads while it is started would wait for itself. */
function unstarted(plugins: PluginHost): PluginHost {
  const still: Partial<PluginHost> = { loadRoutes: async () => {} };
  return new Proxy(plugins, {
    get: (host, name: keyof PluginHost) => still[name] ?? host[name].bind(host),
  });
}

async function checkFolder(dir: string | null): Promise<void> {
  if (dir === null) return;
  try {
    await readdir(dir);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ConfigError(`WAYMARK_PLUGINS_DIR: ${dir} cannot be read (${code})`, { cause });
  }
}
