import { randomUUID } from 'node:crypto';
import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import { checkConfig } from './check-config.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import type { BindingRef } from './contract/wire.ts';
import { OrgHost, type OrgHostDeps } from './org-host.ts';
import type { Acting, ConfigCheck, HostCall, PluginHost } from './plugin-host.ts';
import type { BindingStop, HostPluginState, PluginStateStore } from './plugin-state.ts';
import type { Question } from './question.ts';
import type { SiteParts } from './site-parts.ts';

export interface HostDeps extends Pick<OrgHostDeps, 'slots' | 'registryParts'> {
  runtimes: OrgRuntimes;
  site: SiteParts;
  states: PluginStateStore;
  /** Closed with the host. */
  schemas: SchemaChecker;
  /** What was kept for bindings that an org's registry has no more. */
  forget(org: string, gone: readonly Binding[]): Promise<void>;
  /** Whether a change request may still be merged. */
  isChangeOpen: (org: string, number: number) => Promise<boolean>;
  clock: Clock;
  log: Logger;
}

/** Everything that runs of server parts, kept up with what the orgs serve. */
export async function createPluginHost(deps: HostDeps): Promise<PluginHost> {
  await deps.site.read();
  const host = new Host(deps);
  await host.start();
  return host;
}

class Host implements PluginHost {
  readonly #deps: HostDeps;
  readonly #orgs = new Map<string, OrgHost>();
  readonly #forgetting = new Map<string, Promise<void>>();

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  /** Until what was stopped before is known: none of it comes to life for a moment. */
  async start(): Promise<void> {
    const opening: Promise<void>[] = [];
    this.#deps.runtimes.onOpen((runtime) => opening.push(this.#open(runtime)));
    await Promise.all(opening);
  }

  async #open(runtime: OrgRuntime): Promise<void> {
    const { slug } = runtime.org;
    const { site, log } = this.#deps;
    const org = new OrgHost(runtime, {
      ...this.#deps,
      siteParts: () => site.all,
      isOnSite: (id) => site.stateOf(id).isEnabled,
    });
    this.#orgs.set(slug, org);
    runtime.onChange(() => {
      const before = org.bindings;
      org.takeUp();
      this.#forget(slug, before, org.bindings);
    });
    runtime.onFollow(() => this.#follow(slug, org));
    runtime.closing.addEventListener('abort', () => {
      if (this.#orgs.get(slug) === org) {
        this.#orgs.delete(slug);
        this.#forgetting.delete(slug);
      }
      void org.close();
    });
    await this.#follow(slug, org).catch((error: unknown) => {
      log.error({ org: slug, error }, 'stopped bindings are not known');
    });
  }

  #forget(slug: string, before: readonly Binding[], now: readonly Binding[]): void {
    const left = new Set(now.map(keyOf));
    const gone = before.filter((binding) => !left.has(keyOf(binding)));
    if (gone.length === 0) return;
    const forgetting = (this.#forgetting.get(slug) ?? Promise.resolve())
      .then(() => this.#deps.forget(slug, gone))
      .catch((error: unknown) => {
        this.#deps.log.error({ org: slug, error }, 'what was kept for bindings is left');
      });
    this.#forgetting.set(slug, forgetting);
  }

  /** Takes over what other nodes have stopped, and lifts what its change has decided. */
  async #follow(slug: string, org: OrgHost): Promise<void> {
    const { states, site, isChangeOpen } = this.#deps;
    if (await site.readStates()) await this.#lookAgain();
    const inForce: BindingStop[] = [];
    for (const stop of await states.stops(slug)) {
      if (await isChangeOpen(slug, stop.change)) inForce.push(stop);
      else {
        const acting = { actor: 'system:reconciler', requestId: randomUUID() };
        await states.resume(slug, stop, this.#entry('binding.resume', slug, stop, acting));
      }
    }
    org.setStops(inForce);
  }

  #entry(action: string, tenant: string, about: BindingRef | string, acting: Acting) {
    const resource = typeof about === 'string' ? about : `${about.scope}/${about.id}`;
    const { actor, requestId } = acting;
    return { at: toTime(this.#deps.clock()), tenant, actor, action, resource, requestId };
  }

  #getOrg(slug: string): OrgHost {
    const org = this.#orgs.get(slug);
    if (org) return org;
    throw new WaymarkError('PLG_NOT_FOUND', `the organisation ${slug} has no plugins`);
  }

  plugins(org: string) {
    return this.#orgs.get(org)?.plugins ?? [];
  }

  find(org: string, id: string) {
    return this.#orgs.get(org)?.find(id);
  }

  bindings(org: string) {
    return this.#orgs.get(org)?.bindings ?? [];
  }

  findBinding(org: string, ref: BindingRef) {
    return this.#orgs.get(org)?.findBinding(ref);
  }

  async call({ org: slug, binding: ref, pluginId, isRepeatable, ...rest }: HostCall) {
    const org = this.#getOrg(slug);
    // A binding of the same name finds nothing of the one before.
    await this.#forgetting.get(slug);
    const current = () => getBinding(org, pluginId, ref ?? { scope: 'org', id: pluginId });
    const binding = current();
    const slot = await org.getSlot(pluginId);
    return await slot.call({ ...rest, binding, current }, isRepeatable);
  }

  async checkConfig(
    org: string,
    pluginId: string,
    scope: BindingRef['scope'],
    config: unknown,
    type?: string,
  ): Promise<ConfigCheck> {
    const slot = await this.#getOrg(org).getSlot(pluginId);
    const { schemas } = this.#deps;
    const { manifest } = slot;
    const ask = (question: Question) => slot.call(question);
    return await checkConfig({ scope, config, type }, { schemas, manifest, ask });
  }

  async reset(slug: string, id: string): Promise<void> {
    const org = this.#getOrg(slug);
    const slot = await org.getSlot(id);
    slot.reset();
    org.takeUp(true);
    await org.settled();
  }

  async stopBinding(slug: string, ref: BindingRef, change: number, acting: Acting): Promise<void> {
    const org = this.#getOrg(slug);
    const { states, clock } = this.#deps;
    const { scope, id } = ref;
    const stop = { org: slug, scope, id, change, at: toTime(clock()) };
    await states.stop(stop, this.#entry('binding.stop', slug, ref, acting));
    org.setStops(await states.stops(slug));
  }

  async resumeBinding(slug: string, ref: BindingRef, acting: Acting): Promise<void> {
    const org = this.#getOrg(slug);
    const { states } = this.#deps;
    await states.resume(slug, ref, this.#entry('binding.resume', slug, ref, acting));
    org.setStops(await states.stops(slug));
  }

  findStop(slug: string, ref: BindingRef): BindingStop | undefined {
    return this.#orgs.get(slug)?.findStop(ref);
  }

  async settled(org: string): Promise<void> {
    await this.#forgetting.get(org);
    await this.#orgs.get(org)?.settled();
  }

  async loadRoutes(org: string, pluginId?: string): Promise<void> {
    await this.#orgs.get(org)?.loadRoutes(pluginId);
  }

  async reload(id: string): Promise<void> {
    await this.#lookAgain();
    const orgs = [...this.#orgs.values()];
    await Promise.all(orgs.map((org) => org.settled()));
    const isKnown = this.#deps.site.find(id) ?? orgs.some((org) => org.find(id));
    if (!isKnown) throw unknown(id);
  }

  async #lookAgain(): Promise<void> {
    await this.#deps.site.read();
    for (const org of this.#orgs.values()) org.takeUp(true);
  }

  async setEnabled(id: string, isEnabled: boolean, acting: Acting): Promise<void> {
    if (!this.#deps.site.find(id)) throw unknown(id);
    const action = isEnabled ? 'host-plugin.enable' : 'host-plugin.disable';
    await this.#say(id, { isEnabled }, action, acting);
  }

  async approveProcess(id: string, acting: Acting): Promise<void> {
    const part = this.#deps.site.find(id);
    if (part?.source !== 'host') throw unknown(id);
    if (part.signature !== 'signed') {
      throw new WaymarkError('PLG_UNSIGNED', `${id} is not signed: it runs as no process`);
    }
    await this.#say(id, { approvedDigest: part.digest }, 'host-plugin.approve', acting);
  }

  async #say(id: string, said: Partial<HostPluginState>, action: string, acting: Acting) {
    const { site, states } = this.#deps;
    const state = { ...site.stateOf(id), ...said };
    await states.saveHostPlugin(state, this.#entry(action, '*', id, acting));
    await this.reload(id);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#orgs.values()].map((org) => org.close()));
    await Promise.all(this.#forgetting.values());
    this.#deps.schemas.close();
  }
}

const keyOf = ({ scope, id }: BindingRef): string => `${scope} ${id}`;

/** Of a plugin that is on. */
function getBinding(org: OrgHost, pluginId: string, ref: BindingRef): Binding {
  const binding = org.findBinding(ref);
  // A switch of the site's counts before the bindings have been told of it.
  const isOn = binding?.isEnabled && org.isOn(pluginId);
  if (binding?.pluginId === pluginId && isOn) return binding;
  throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}, or it is off`);
}

const unknown = (id: string) => new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
