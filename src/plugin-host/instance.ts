import type { Logger } from '../audit/logger.ts';
import { WaymarkError } from '../model/errors.ts';
import { DRAIN_MS, LIMITS, type PluginLimits } from '../registry/server-manifest/limits.ts';
import { SCHEMA_VERSION } from '../registry/server-manifest/schema-version.ts';
import type { Binding } from './binding.ts';
import type { CallRecord, CallRecords, Guest } from './callbacks/call-records.ts';
import type { Callbacks } from './callbacks/callbacks.ts';
import type { ConfigFor } from './config-for.ts';
import { MANAGEMENT, RESOURCE, type Registered, readRoutes } from './contract/management-path.ts';
import { readManagement } from './contract/read-management.ts';
import { readRegistration } from './contract/read-registration.ts';
import { type CallContext, deadlineOf, type WireMethod } from './contract/wire.ts';
import type { Part } from './part.ts';
import { grantedOf, requestedBy } from './permissions.ts';
import { bareBinding, type Question } from './question.ts';
import type { PluginRuntime, RuntimeEnd } from './runtime/runtime.ts';
import type { After } from './timers.ts';

export interface InstanceDeps {
  records: CallRecords;
  callbacks: Callbacks;
  configFor: ConfigFor;
  /** Host plugins whose management routes may stand anywhere. */
  unconfined: ReadonlySet<string>;
  after: After;
  log: Logger;
}

/** Whose it is, and what it is started with. */
export interface InstanceTerms {
  org: string;
  grants: readonly string[];
  /** The org's own. */
  binding: Binding;
  requestId: string;
}

/** What is asked of every server part, also of one that has no such method. */
const OPTIONAL: ReadonlySet<WireMethod> = new Set([
  'plugin.register',
  'plugin.reconfigure',
  'plugin.init',
  'plugin.health',
  'plugin.shutdown',
  'config.validate',
]);

/** What is asked whatever the configuration is. */
const OF_ITSELF: ReadonlySet<WireMethod> = new Set([...OPTIONAL, 'management.register']);

const NO_ROUTES: Registered = { routes: [], pages: [], refused: [] };

/** One living guest of one org: registered, and initialised for a binding before its first call. */
export class Instance {
  readonly part: Part;
  readonly #guest: Guest;
  readonly #granted: ReadonlySet<string>;
  readonly #deps: InstanceDeps;
  readonly #runtime: PluginRuntime;
  readonly #inits = new Map<string, Init>();
  #hasEnded = false;
  #registered = NO_ROUTES;
  #inFlight = 0;
  #emptied: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(part: Part, runtime: PluginRuntime, guest: Guest, deps: InstanceDeps) {
    this.part = part;
    this.#runtime = runtime;
    this.#guest = guest;
    this.#granted = new Set(requestedBy(guest.manifest.permissions));
    this.#deps = deps;
    void runtime.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  /**
   * Loads and registers a server part.
   *
   * @throws {ContractViolation | PluginFault} what it says of itself cannot be
   * @throws {WaymarkError} what `StartRuntime` and `PluginRuntime.call` throw
   */
  static async start(part: Part, terms: InstanceTerms, deps: InstanceDeps): Promise<Instance> {
    const guest = guestOf(part, terms);
    const runtime = await part.start(part.code, {
      limits: limitsOf(part),
      host: { callback: (name, params) => deps.callbacks(guest, name, params) },
    });
    const instance = new Instance(part, runtime, guest, deps);
    try {
      await instance.#register(terms);
      return instance;
    } catch (error) {
      runtime.close();
      throw error;
    }
  }

  get registered(): Registered {
    return this.#registered;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get ended(): Promise<RuntimeEnd> {
    return this.#runtime.ended;
  }

  memoryBytes(): number {
    return this.#runtime.memoryBytes();
  }

  async #register({ binding, requestId }: InstanceTerms): Promise<void> {
    const { id: pluginId, manifest } = this.part;
    const config = await this.#configOf({ binding, requestId });
    const params = { schema_version: SCHEMA_VERSION, plugin_id: pluginId, config };
    const about = { binding, requestId };
    const answer = await this.ask({ method: 'plugin.register', params, ...about });
    if (answer !== undefined) readRegistration(answer, manifest.capabilities);
    if (!manifest.capabilities.has('management_api')) return;
    const own = `${RESOURCE}/plugins/${pluginId}`;
    const places = { Plugin: pluginId, BasePath: MANAGEMENT, ResourceBasePath: own };
    const told = await this.ask({ method: 'management.register', params: places, ...about });
    const { routes, pages: resources } = readManagement(told);
    const isUnconfined = this.part.source === 'host' && this.#deps.unconfined.has(pluginId);
    this.#registered = readRoutes({ routes, resources }, { pluginId, isUnconfined });
    for (const refused of this.#registered.refused) {
      this.#deps.log.warn({ org: this.#guest.org, pluginId, ...refused }, 'a route is left out');
    }
  }

  /** Takes a call, or answers false where the instance is about to stop: then another is to. */
  enter(): boolean {
    if (this.#stopping) return false;
    this.#inFlight += 1;
    return true;
  }

  leave(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#emptied?.();
  }

  /** Asks, once the binding's configuration has been taken up. */
  async call(question: Question): Promise<unknown> {
    // What is not saved is not taken up either.
    if (question.overlay || OPTIONAL.has(question.method)) return await this.ask(question);
    return await this.ask({ ...question, binding: await this.#readied(question) });
  }

  /** One that was changed while it was initialised, or stood in a row, is called as it is by then. */
  async #readied(question: Question): Promise<Binding> {
    const current = () => question.current?.() ?? question.binding;
    const binding = current();
    try {
      await this.#ready({ ...question, binding });
    } catch (error) {
      if (current().configDigest === binding.configDigest) throw error;
    }
    const isCurrent = current().configDigest === binding.configDigest;
    return isCurrent ? binding : await this.#readied(question);
  }

  /** Undefined of an optional method that the guest does not have. */
  async ask({ method, params, binding, requestId, ...rest }: Question): Promise<unknown> {
    const { overlay, caller, signal, deadlineMs = deadlineOf(method), read } = rest;
    const about = { ...(overlay && { overlay }), ...(caller && { caller }) };
    const record = { ...this.#recordOf({ binding, requestId }), ...about };
    const callbackId = this.#deps.records.begin(record);
    try {
      const context = await this.#contextOf(record, callbackId, method);
      const all = { ...params, context, host_callback_id: callbackId };
      const terms = { deadlineMs: Math.min(deadlineMs, deadlineOf(method)) };
      const result = await this.#runtime.call(method, all, { ...terms, ...(signal && { signal }) });
      return read ? read(result) : result;
    } catch (error) {
      if (OPTIONAL.has(method) && isUnsupported(error)) return undefined;
      throw error;
    } finally {
      this.#deps.records.end(callbackId);
    }
  }

  #recordOf({ binding, requestId }: Pick<Question, 'binding' | 'requestId'>): CallRecord {
    return { guest: this.#guest, binding, grants: this.#granted, requestId };
  }

  /** What does not suit keeps no other binding from its calls: its own are told. */
  #configOf(about: Pick<Question, 'binding' | 'requestId'>): Promise<CallContext['config']> {
    return this.#deps.configFor(this.#recordOf(about)).catch(() => ({}));
  }

  async #contextOf(
    record: CallRecord,
    callbackId: string,
    method: WireMethod,
  ): Promise<CallContext> {
    const { guest, binding, requestId } = record;
    const isAboutIt = method === 'plugin.init' || !OF_ITSELF.has(method);
    return {
      orgId: guest.org,
      namespaceId: binding.namespaceId,
      departmentId: binding.departmentId,
      scope: binding.scope,
      config: await (isAboutIt ? this.#deps.configFor(record) : this.#configOf(record)),
      requestId,
      host_callback_id: callbackId,
    };
  }

  /** Once for each configuration of a binding; one that failed is tried again by the next call. */
  async #ready({ binding, requestId }: Question): Promise<void> {
    const key = `${binding.scope} ${binding.id}`;
    const known = this.#inits.get(key);
    if (known?.configDigest === binding.configDigest) return await known.done;
    known?.giveUp();
    const giving = new AbortController();
    const init = { binding, requestId, signal: giving.signal };
    const { configDigest } = binding;
    const done = this.#init(init, known);
    this.#inits.set(key, { configDigest, done, giveUp: () => giving.abort() });
    try {
      await done;
    } catch (error) {
      if (this.#inits.get(key)?.done === done) this.#inits.delete(key);
      throw error;
    }
  }

  async #init(about: Pick<Question, 'binding' | 'requestId' | 'signal'>, before?: Init) {
    // A slow one that is under way would otherwise end last, and bring its old configuration back.
    await before?.done.catch(() => {});
    const { binding } = about;
    if (before && binding.scope === 'org') await this.#reconfigure(about);
    await this.ask({ method: 'plugin.init', params: {}, ...about, binding });
  }

  async #reconfigure(about: Pick<Question, 'binding' | 'requestId'>): Promise<void> {
    const { id: plugin_id, manifest } = this.part;
    const config = await this.#configOf(about);
    const params = { schema_version: SCHEMA_VERSION, plugin_id, config };
    const answer = await this.ask({ method: 'plugin.reconfigure', params, ...about });
    if (answer !== undefined) readRegistration(answer, manifest.capabilities);
  }

  /**
   * Takes no more calls, lets those that run end, says so to the guest, and ends
   * it. Never rejects.
   *
   * @param drainMs after which calls that still run are lost
   */
  stop(reason: string, requestId: string, drainMs = DRAIN_MS): Promise<void> {
    this.#stopping ??= this.#stop(reason, requestId, drainMs);
    return this.#stopping;
  }

  async #stop(reason: string, requestId: string, drainMs: number): Promise<void> {
    await this.#drain(drainMs);
    const { id: binding } = this.part;
    const question = { method: 'plugin.shutdown' as const, params: { reason }, requestId };
    await this.ask({ ...question, binding: bareBinding(binding) }).catch(() => {});
    this.#runtime.close();
  }

  async #drain(drainMs: number): Promise<void> {
    if (this.#inFlight === 0 || drainMs === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const callOff = this.#deps.after(drainMs, resolve);
    await Promise.race([promise, this.#runtime.ended]);
    callOff();
  }
}

interface Init {
  configDigest: string;
  done: Promise<void>;
  giveUp(): void;
}

function guestOf({ source, version, manifest, hasNetwork }: Part, terms: InstanceTerms): Guest {
  const permissions = grantedOf(manifest.permissions, terms.grants);
  return {
    org: terms.org,
    source,
    version,
    manifest: { ...manifest, permissions },
    hasNetwork,
  };
}

const limitsOf = ({ manifest }: Part): PluginLimits => ({ ...LIMITS, ...manifest.limits });

const isUnsupported = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'PLG_METHOD_UNSUPPORTED';
