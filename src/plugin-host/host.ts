import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import { type ConfigJudges, checkConfig } from './check-config.ts';
import { OrgHost, type OrgHostDeps } from './org-host.ts';
import type { Acting, HostCall, PluginHost } from './plugin-host.ts';
import type { BindingStop, HostPluginState, PluginStateStore } from './plugin-state.ts';
import type { Question } from './question.ts';
import type { SiteParts } from './site-parts.ts';

export interface HostDeps extends Pick<OrgHostDeps, 'slots' | 'registryParts'> {
  runtimes: OrgRuntimes;
  site: SiteParts;
  states: PluginStateStore;
  schemas: ConfigJudges['schemas'];
  /** Whether a change request may still be merged. */
  isChangeOpen(org: string, number: number): Promise<boolean>;
  clock: Clock;
  log: Logger;
}

/** Everything that runs of server parts, kept up with what the orgs serve. */
export async function createPluginHost(deps: HostDeps): Promise<PluginHost> {
  const { runtimes, site, states, log } = deps;
  const orgs = new Map<string, OrgHost>();
  await site.read();
  runtimes.onOpen((runtime) => open(runtime));

  function open(runtime: OrgRuntime): void {
    const { slug } = runtime.org;
    const org = new OrgHost(runtime, {
      ...deps,
      siteParts: () => site.all,
      isOnSite: (id) => site.stateOf(id).isEnabled,
    });
    orgs.set(slug, org);
    runtime.onChange(() => org.takeUp());
    runtime.onFollow(() => follow(slug, org));
    runtime.closing.addEventListener('abort', () => {
      if (orgs.get(slug) === org) orgs.delete(slug);
      void org.close();
    });
    follow(slug, org).catch((error: unknown) =>
      log.error({ org: slug, error }, 'stops are unknown'),
    );
    org.takeUp();
  }

  /** Takes over what other nodes have stopped, and lifts what the change it waited for has decided. */
  async function follow(slug: string, org: OrgHost): Promise<void> {
    const stops = await states.stops(slug);
    const decided: BindingStop[] = [];
    for (const stop of stops) {
      if (await deps.isChangeOpen(slug, stop.change)) continue;
      const acting = { actor: 'system:reconciler', requestId: 'plugin-host' };
      await states.resume(slug, stop, entryOf('plugin.resume', slug, nameOf(stop), acting));
      decided.push(stop);
    }
    org.setStops(stops.filter((stop) => !decided.includes(stop)));
  }

  const entryOf = (action: string, tenant: string, resource: string, acting: Acting) => ({
    at: toTime(deps.clock()),
    tenant,
    action,
    resource,
    ...acting,
  });

  function getOrg(slug: string): OrgHost {
    const org = orgs.get(slug);
    if (org) return org;
    throw new WaymarkError('PLG_NOT_FOUND', `the organisation ${slug} has no plugins`);
  }

  /** Of a plugin that is on; its own binding unless another is named. */
  function getBinding(org: OrgHost, { pluginId, binding: ref }: HostCall): Binding {
    const wanted = ref ?? { scope: 'org', id: pluginId };
    const binding = org.findBinding(wanted);
    if (binding?.pluginId === pluginId && binding.isEnabled) return binding;
    throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}, or it is off`);
  }

  async function changeSite(id: string, change: Partial<HostPluginState>, entry: SiteEntry) {
    const state = { ...site.stateOf(id), ...change };
    await states.saveHostPlugin(state, entryOf(entry.action, '*', id, entry.acting));
    await reload(id);
  }

  async function reload(id: string): Promise<void> {
    await site.read();
    for (const org of orgs.values()) org.takeUp(true);
    await Promise.all([...orgs.values()].map((org) => org.settled()));
    const isKnown = site.find(id) ?? [...orgs.values()].find((org) => org.find(id));
    if (!isKnown) throw unknown(id);
  }

  return {
    plugins: (org) => orgs.get(org)?.plugins ?? [],
    find: (org, id) => orgs.get(org)?.find(id),
    bindings: (org) => orgs.get(org)?.bindings ?? [],
    findBinding: (org, ref) => orgs.get(org)?.findBinding(ref),

    async call(call) {
      const { org: slug, pluginId, binding: _, isRepeatable, ...rest } = call;
      const org = getOrg(slug);
      const binding = getBinding(org, call);
      const slot = await org.getSlot(pluginId);
      return await slot.call({ ...rest, binding }, isRepeatable);
    },

    async checkConfig(org, pluginId, scope, config, type) {
      const slot = await getOrg(org).getSlot(pluginId);
      const { manifest } = slot;
      const ask = (question: Question) => slot.call(question);
      return await checkConfig({ scope, config, type }, { schemas: deps.schemas, manifest, ask });
    },

    async reset(slug, id) {
      const org = getOrg(slug);
      const slot = await org.getSlot(id);
      slot.reset();
      org.takeUp(true);
      await org.settled();
    },

    async stopBinding(slug, { scope, id }, change, acting) {
      const at = toTime(deps.clock());
      const entry = entryOf('plugin.stop', slug, nameOf({ scope, id }), acting);
      await states.stop({ org: slug, scope, id, change, at }, entry);
      getOrg(slug).setStops(await states.stops(slug));
    },

    async resumeBinding(slug, ref, acting) {
      await states.resume(slug, ref, entryOf('plugin.resume', slug, nameOf(ref), acting));
      getOrg(slug).setStops(await states.stops(slug));
    },

    settled: async (org) => await orgs.get(org)?.settled(),
    loadRoutes: async (org) => await orgs.get(org)?.loadRoutes(),
    reload,

    async setEnabled(id, isEnabled, acting) {
      if (!site.find(id)) throw unknown(id);
      const action = isEnabled ? 'host-plugin.enable' : 'host-plugin.disable';
      await changeSite(id, { isEnabled }, { action, acting });
    },

    async approveProcess(id, acting) {
      const part = site.find(id);
      if (part?.source !== 'host') throw unknown(id);
      if (part.signature !== 'signed') {
        throw new WaymarkError('PLG_UNSIGNED', `${id} is not signed: no process runs it`);
      }
      const change = { approvedDigest: part.digest };
      await changeSite(id, change, { action: 'host-plugin.approve', acting });
    },

    async close() {
      await Promise.all([...orgs.values()].map((org) => org.close()));
    },
  };
}

interface SiteEntry {
  action: string;
  acting: Acting;
}

const nameOf = ({ scope, id }: Pick<Binding, 'scope' | 'id'>): string => `${scope}/${id}`;

const unknown = (id: string) => new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
