import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { View } from '../delivery/view.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import { bindingsOf, type OrgPlugin, orgPluginsOf } from './bindings-of.ts';
import type { BindingRef } from './contract/wire.ts';
import { type HostedPlugin, UNTOUCHED } from './hosted-plugin.ts';
import type { Part } from './part.ts';
import { requestedBy } from './permissions.ts';
import type { BindingStop } from './plugin-state.ts';
import { Slot, type SlotDeps, type SlotTerms } from './slot.ts';

export interface OrgHostDeps {
  slots: SlotDeps;
  /** Built-ins, then the host's own. */
  siteParts(): readonly Part[];
  /** Of a registry as it is served, by id. */
  registryParts(runtime: OrgRuntime, view: View): Promise<readonly Part[]>;
  /** False of a host plugin that the site admin has switched off. */
  isOnSite(pluginId: string): boolean;
  log: Logger;
}

const OFF: OrgPlugin = { isEnabled: false, allowUnreleased: false, grants: [], priority: 0 };

/** The server parts of one org: its bindings change with what it serves, what runs soon after. */
export class OrgHost {
  readonly #runtime: OrgRuntime;
  readonly #deps: OrgHostDeps;
  readonly #slots = new Map<string, Slot>();
  /** Of a source that comes later than another's of that id. */
  #taken: readonly HostedPlugin[] = [];
  #enabling: ReadonlyMap<string, OrgPlugin> = new Map();
  #bindings: readonly Binding[] = [];
  #stops: readonly BindingStop[] = [];
  #again: 'no' | 'yes' | 'forced' = 'no';
  #reading: Promise<void> | undefined;
  #swapping: Promise<unknown> = Promise.resolve();

  constructor(runtime: OrgRuntime, deps: OrgHostDeps) {
    this.#runtime = runtime;
    this.#deps = deps;
  }

  get bindings(): readonly Binding[] {
    return this.#bindings;
  }

  get plugins(): readonly HostedPlugin[] {
    const hosted = [...this.#slots.values()].map((slot) => this.#describe(slot));
    return [...hosted, ...this.#taken].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  find(id: string): HostedPlugin | undefined {
    const slot = this.#slots.get(id);
    return slot && this.#describe(slot);
  }

  /** On by what is served now, also where the slot has yet to hear of it. */
  #describe(slot: Slot): HostedPlugin {
    return { ...slot.describe(), isEnabled: this.isOn(slot.id) };
  }

  findBinding(ref: BindingRef): Binding | undefined {
    return this.#bindings.find(({ scope, id }) => scope === ref.scope && id === ref.id);
  }

  findStop(ref: BindingRef): BindingStop | undefined {
    return this.#stops.find(({ scope, id }) => scope === ref.scope && id === ref.id);
  }

  /** Known and switched on, by the site and the org. */
  isOn(pluginId: string): boolean {
    const isEnabled = this.#enabling.get(pluginId)?.isEnabled ?? false;
    const isStopped = this.findStop({ scope: 'org', id: pluginId }) !== undefined;
    return isEnabled && !isStopped && this.#deps.isOnSite(pluginId);
  }

  /** @throws {WaymarkError} `PLG_NOT_FOUND` */
  async getSlot(pluginId: string): Promise<Slot> {
    await this.#reading;
    const slot = this.#slots.get(pluginId);
    if (slot) return slot;
    throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}`);
  }

  setStops(stops: readonly BindingStop[]): void {
    const isNews = JSON.stringify(stops) !== JSON.stringify(this.#stops);
    this.#stops = stops;
    if (isNews || this.#slots.size === 0) this.takeUp();
  }

  /** Bindings at once; what runs is read and swapped meanwhile: {@link settled}. */
  takeUp(isForced = false): void {
    const config = this.#runtime.maybeView?.published.config;
    if (!config) return;
    this.#enabling = orgPluginsOf(config);
    this.#bindings = bindingsOf(config).map((binding) => ({
      ...binding,
      isEnabled: binding.isEnabled && this.isOn(binding.pluginId) && !this.findStop(binding),
    }));
    if (this.#again !== 'forced') this.#again = isForced ? 'forced' : 'yes';
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
  }

  async #readAll(): Promise<void> {
    while (this.#again !== 'no') {
      const isForced = this.#again === 'forced';
      this.#again = 'no';
      try {
        await this.#read(isForced);
      } catch (error) {
        const { slug: org } = this.#runtime.org;
        this.#deps.log.error({ org, error }, 'server parts could not be read');
      }
    }
  }

  async #read(isForced: boolean): Promise<void> {
    const view = this.#runtime.maybeView;
    if (!view || this.#runtime.closing.aborted) return;
    const registry = await this.#deps.registryParts(this.#runtime, view);
    const parts = new Map<string, Part>();
    const taken: Part[] = [];
    for (const part of [...this.#deps.siteParts(), ...registry]) {
      if (parts.has(part.id)) taken.push(part);
      else parts.set(part.id, part);
    }
    this.#taken = taken.map((part) => describeTaken(part));
    const swaps: Promise<unknown>[] = [];
    for (const [id, slot] of this.#slots) {
      if (parts.get(id)?.source === slot.source) continue;
      // What another source has is another plugin, though its name be the same.
      this.#slots.delete(id);
      swaps.push(slot.close());
    }
    for (const part of parts.values()) swaps.push(this.#place(part, isForced));
    this.#swapping = Promise.all([this.#swapping, ...swaps]);
  }

  async #place(part: Part, isForced: boolean): Promise<void> {
    const slot = this.#slots.get(part.id);
    if (slot) return await slot.update(part, this.#termsOf(part), isForced);
    const { slug } = this.#runtime.org;
    this.#slots.set(part.id, new Slot(slug, part, this.#termsOf(part), this.#deps.slots));
  }

  #termsOf({ id, source, manifest }: Part): SlotTerms {
    const { grants: given, priority } = this.#enabling.get(id) ?? OFF;
    // Waymark's own need no leave of the org's.
    const grants = source === 'builtin' ? requestedBy(manifest.permissions) : given;
    const bindings = this.#bindings.filter((one) => one.pluginId === id && one.isEnabled);
    return { isEnabled: this.isOn(id), grants, priority, bindings };
  }

  /** What was committed is taken up: sources are read, swaps have been made or refused. */
  async settled(): Promise<void> {
    await this.#reading;
    await this.#swapping;
  }

  /** What is being swapped is not waited for: its old version has told its routes. */
  async loadRoutes(pluginId?: string): Promise<void> {
    await this.#reading;
    const { unconfined } = this.#deps.slots;
    const asked = [...this.#slots.values()].filter(
      ({ id }) => pluginId === undefined || id === pluginId || unconfined.has(id),
    );
    const loading = await Promise.allSettled(asked.map((slot) => slot.loadRoutes()));
    const own = loading[asked.findIndex(({ id }) => id === pluginId)];
    if (own?.status === 'rejected') throw own.reason;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#reading;
    await Promise.allSettled([...this.#slots.values()].map((slot) => slot.close()));
  }
}

function describeTaken({ manifest, ...part }: Part): HostedPlugin {
  const { id, version, source, digest, signature, trust } = part;
  return {
    id,
    version,
    source,
    digest,
    signature,
    trust,
    manifest,
    isEnabled: false,
    priority: 0,
    state: 'failed',
    grants: [],
    requested: requestedBy(manifest.permissions),
    routes: [],
    pages: [],
    pending: null,
    lastError: 'PLG_ID_TAKEN: a plugin of this id comes from a source that goes first',
    health: UNTOUCHED,
  };
}
