import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { IDLE_STOP_MS, LIMITS } from '../registry/server-manifest/limits.ts';
import type { PluginManifest } from '../registry/server-manifest/manifest.ts';
import type { Binding } from './binding.ts';
import { Breaker, type BreakerTerms, NO_CALLS } from './breaker.ts';
import { isLost, isOfThisVersion, outcomeOf, tellOf } from './failures.ts';
import type { HostedPlugin, PluginSource, PluginState } from './hosted-plugin.ts';
import { Instance, type InstanceDeps } from './instance.ts';
import { Latencies } from './latencies.ts';
import type { Part } from './part.ts';
import { grantedOf, requestedBy } from './permissions.ts';
import type { Occupant, Places } from './places.ts';
import { type Proof, prove } from './prove.ts';
import { bareBinding, type Question } from './question.ts';
import { Turns } from './turns.ts';

export interface SlotDeps extends InstanceDeps, Pick<Proof, 'checkBinding'> {
  clock: Clock;
  places: Places;
  breaker?: BreakerTerms;
  idleStopMs?: number;
  drainMs?: number;
}

/** What an org says of a server part. */
export interface SlotTerms {
  isEnabled: boolean;
  priority: number;
  grants: readonly string[];
  /** All that are enabled. */
  bindings: readonly Binding[];
}

const BY_ITSELF = 'plugin-host';

/** The place of one server part in one org: what serves its calls, and what could not take over. */
export class Slot implements Occupant {
  readonly org: string;
  readonly id: string;
  readonly #deps: SlotDeps;
  readonly #turns = new Turns(LIMITS);
  readonly #latencies = new Latencies();
  #part: Part;
  /** Of what serves: {@link keyOf}. */
  #key: string;
  #terms: SlotTerms;
  #breaker: Breaker;
  #instance: Instance | undefined;
  /** Of the version that serves, once it was loaded. */
  #registered: Instance['registered'] | undefined;
  #failure: string | null;
  #pending: HostedPlugin['pending'] = null;
  /** What could not take over: it is not tried again until it or what it is given changes. */
  #refused: string | undefined;
  #lastError: string | null;
  readonly #calls = { ...NO_CALLS };
  #restarts = 0;
  #isUsed = false;
  #idleSinceMs: number;
  #callOffIdleStop = () => {};
  #starting: Promise<Instance> | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(org: string, part: Part, terms: SlotTerms, deps: SlotDeps) {
    this.org = org;
    this.id = part.id;
    this.#part = part;
    this.#key = keyOf(part, terms.grants);
    this.#terms = terms;
    this.#deps = deps;
    this.#breaker = new Breaker(deps.clock, deps.breaker);
    this.#failure = faultOf(part);
    this.#lastError = this.#failure;
    this.#idleSinceMs = deps.clock();
  }

  get source(): PluginSource {
    return this.#part.source;
  }

  get manifest(): PluginManifest {
    return this.#part.manifest;
  }

  /** @throws {WaymarkError} `PLG_FAILED`, `PLG_BREAKER_OPEN`, `PLG_BUSY`, and what the guest's call throws */
  async call(question: Question, isRepeatable = false): Promise<unknown> {
    const inTurn = () => this.#turns.run(() => this.#attempt(question), question.signal);
    try {
      return await inTurn();
    } catch (error) {
      if (!isRepeatable || !isLost(error) || this.#isClosed) throw error;
      return await inTurn();
    }
  }

  async #attempt(question: Question): Promise<unknown> {
    this.#checkRunnable();
    const attempt = this.#breaker.enter();
    let instance: Instance | undefined;
    try {
      instance = await this.#enter(question.requestId);
      const result = await this.#ask(instance, question);
      attempt.settle('answered');
      this.#calls.answered += 1;
      return result;
    } catch (error) {
      // The end of a guest is one fault, however many calls it takes along.
      const outcome = instance?.hasEnded === false ? outcomeOf(error) : 'unsent';
      if (outcome === 'fault') this.#lastError = tellOf(error);
      attempt.settle(outcome);
      this.#calls[outcome] += 1;
      throw error;
    } finally {
      if (instance) this.#leave(instance);
    }
  }

  async #ask(instance: Instance, question: Question): Promise<unknown> {
    const startedAtMs = performance.now();
    const result = await instance.call(question);
    this.#latencies.note(performance.now() - startedAtMs);
    this.#isUsed = true;
    return result;
  }

  #checkRunnable(): void {
    if (this.#isClosed) throw new WaymarkError('PLG_RESTARTED', 'the plugin is being taken down');
    if (this.#failure !== null) throw this.#failed(this.#failure);
  }

  /** The reason is for the org's admins, who see it as `lastError`. */
  #failed(cause: unknown): WaymarkError {
    return new WaymarkError('PLG_FAILED', `the plugin ${this.id} does not load`, {}, { cause });
  }

  /** One that takes calls: a version that is being replaced takes none. */
  async #enter(requestId: string): Promise<Instance> {
    let instance = this.#instance ?? (await this.#started(requestId));
    while (!instance.enter()) instance = this.#instance ?? (await this.#started(requestId));
    this.#callOffIdleStop();
    return instance;
  }

  #leave(instance: Instance): void {
    instance.leave();
    if (instance.isIdle && instance === this.#instance) this.#rest();
  }

  #rest(): void {
    const { after, clock, idleStopMs = IDLE_STOP_MS } = this.#deps;
    this.#idleSinceMs = clock();
    this.#callOffIdleStop();
    this.#callOffIdleStop = after(idleStopMs, () => void this.vacate());
  }

  /**
   * Starts it where it has never told its routes.
   *
   * @throws {WaymarkError} `PLG_BREAKER_OPEN`, and why it does not start
   */
  async loadRoutes(): Promise<void> {
    const isKnown = this.#registered !== undefined || this.#failure !== null;
    if (isKnown || this.#isClosed || !this.#terms.isEnabled) return;
    if (!this.#part.manifest.capabilities.has('management_api')) return;
    const attempt = this.#breaker.enter();
    // That it starts says nothing of its answers: the next call is the probe still.
    await this.#started(BY_ITSELF).finally(() => attempt.settle('unsent'));
  }

  #started(requestId: string): Promise<Instance> {
    this.#starting ??= this.#inTurn(() => this.#start(requestId)).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(requestId: string): Promise<Instance> {
    this.#checkRunnable();
    if (this.#instance) return this.#instance;
    await this.#takePlace();
    try {
      return this.#adopt(await this.#launch(this.#part, requestId));
    } catch (error) {
      this.#deps.places.release(this);
      this.#lastError = tellOf(error);
      if (!isOfThisVersion(error)) {
        if (outcomeOf(error) === 'fault') this.#breaker.noteFault();
        throw error;
      }
      this.#failure = this.#lastError;
      throw this.#failed(error);
    }
  }

  async #takePlace(): Promise<void> {
    if (this.#part.source !== 'builtin') await this.#deps.places.take(this);
  }

  #launch(part: Part, requestId: string): Promise<Instance> {
    const { grants, bindings } = this.#terms;
    const binding = bindings.find(({ scope }) => scope === 'org') ?? bareBinding(this.id);
    return Instance.start(part, { org: this.org, grants, binding, requestId }, this.#deps);
  }

  #adopt(instance: Instance): Instance {
    this.#instance = instance;
    this.#registered = instance.registered;
    this.#rest();
    void instance.ended.then(({ cause, message }) => {
      if (this.#instance !== instance) return;
      this.#detach();
      this.#restarts += 1;
      this.#lastError = message;
      if (cause !== 'closed') this.#breaker.noteFault();
    });
    return instance;
  }

  /** From here on a call starts another. */
  #detach(): void {
    this.#callOffIdleStop();
    this.#instance = undefined;
    this.#isUsed = false;
    this.#deps.places.release(this);
  }

  idleSinceMs(): number | undefined {
    return this.#instance?.isIdle ? this.#idleSinceMs : undefined;
  }

  async vacate(): Promise<void> {
    if (this.idleSinceMs() !== undefined) await this.#stop('idle');
  }

  async #stop(reason: string, drainMs = this.#deps.drainMs): Promise<void> {
    const instance = this.#instance;
    if (!instance) return;
    this.#detach();
    await this.#inTurn(() => instance.stop(reason, BY_ITSELF, drainMs));
  }

  /**
   * What its source and its org say of it now.
   *
   * @param isForced tries again what could not take over
   * @returns when that serves, or could not
   */
  async update(part: Part, terms: SlotTerms, isForced = false): Promise<void> {
    this.#terms = terms;
    if (isForced) this.#refused = undefined;
    await this.#inTurn(() => this.#take(part));
    if (!terms.isEnabled) await this.#stop('disabled');
  }

  async #take(part: Part): Promise<void> {
    if (keyOf(part, this.#terms.grants) === this.#key) {
      this.#part = part;
      this.#pending = null;
    } else if (!this.#registered || this.#failure !== null || !this.#terms.isEnabled) {
      await this.#replace(part);
    } else {
      await this.#swap(part);
    }
  }

  /** Nothing good would be lost: the next call starts the new one. */
  async #replace(part: Part): Promise<void> {
    const before = this.#instance;
    if (before) this.#detach();
    this.#show(part);
    this.#registered = undefined;
    await before?.stop('replaced', BY_ITSELF, this.#deps.drainMs);
  }

  async #swap(part: Part): Promise<void> {
    const { grants, bindings } = this.#terms;
    const wish = JSON.stringify([keyOf(part, grants), bindings.map((one) => one.configDigest)]);
    if (this.#refused === wish) return;
    const { checkBinding, drainMs } = this.#deps;
    const launch = (next: Part) => this.#launch(next, BY_ITSELF);
    const proof = { before: this.#part, grants, bindings, requestId: BY_ITSELF, launch };
    try {
      await this.#takePlace();
      const instance = await prove(part, { ...proof, checkBinding });
      const before = this.#instance;
      this.#show(part);
      this.#adopt(instance);
      await before?.stop('replaced', BY_ITSELF, drainMs);
    } catch (error) {
      if (!this.#instance) this.#deps.places.release(this);
      this.#refused = wish;
      this.#pending = { version: part.version, reason: tellOf(error) };
      this.#deps.log.warn({ org: this.org, plugin: this.id, error }, 'the old version stays');
    }
  }

  #show(part: Part): void {
    this.#part = part;
    this.#key = keyOf(part, this.#terms.grants);
    this.#failure = faultOf(part);
    this.#lastError = this.#failure;
    this.#pending = null;
    this.#refused = undefined;
    this.#breaker = new Breaker(this.#deps.clock, this.#deps.breaker);
  }

  reset(): void {
    this.#breaker.reset();
    this.#failure = faultOf(this.#part);
    this.#lastError = this.#failure;
    this.#refused = undefined;
  }

  /** Calls that run are lost; a start under way is waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#inTurn(async () => {});
    await this.#stop('stopping', 0);
    await this.#lastTurn;
  }

  /** Starts and stops one after the other. Calls take no part in it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  describe(): HostedPlugin {
    const { id, version, source, manifest, digest, signature, trust } = this.#part;
    const { isEnabled, priority, grants } = this.#terms;
    return {
      id,
      version,
      source,
      manifest,
      digest,
      signature,
      trust,
      isEnabled,
      priority,
      state: this.#state,
      requested: requestedBy(manifest.permissions),
      grants: requestedBy(grantedOf(manifest.permissions, grants)),
      routes: this.#registered?.routes ?? [],
      pages: this.#registered?.pages ?? [],
      pending: this.#pending,
      lastError: this.#lastError,
      health: {
        breaker: this.#breaker.state,
        p50Ms: this.#latencies.percentile(50),
        p95Ms: this.#latencies.percentile(95),
        calls: this.#calls,
        restarts: this.#restarts,
        memoryBytes: this.#instance?.memoryBytes() ?? 0,
      },
    };
  }

  get #state(): PluginState {
    if (this.#failure !== null) return 'failed';
    if (this.#instance) return this.#isUsed ? 'active' : 'loaded';
    return this.#registered ? 'stopped' : 'discovered';
  }
}

/** Whatever makes it another guest. */
const keyOf = ({ digest, version, hasNetwork, fault, manifest }: Part, grants: readonly string[]) =>
  JSON.stringify([digest, version, hasNetwork, fault, grantedOf(manifest.permissions, grants)]);

const faultOf = ({ fault }: Part): string | null => fault && `${fault.code}: ${fault.message}`;
