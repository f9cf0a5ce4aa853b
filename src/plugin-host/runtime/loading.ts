import { WaymarkError } from '../../model/errors.ts';
import type { PluginLimits } from '../../registry/server-manifest/limits.ts';
import type { PluginRuntime } from './runtime.ts';

/** A thread is up in a tenth of a second; only a machine that is out of everything takes longer. */
const BOOT_MS = 30_000;

/** From the start of a guest's thread or process until its script is loaded, or is not. */
export class Loading {
  readonly outcome: Promise<PluginRuntime>;
  readonly #settle: PromiseWithResolvers<PluginRuntime>;
  readonly #loadMs: number;
  readonly #overdue: () => void;
  #timer: NodeJS.Timeout;

  constructor({ loadMs }: PluginLimits, graceMs: number, end: (message: string) => void) {
    this.#settle = Promise.withResolvers();
    this.outcome = this.#settle.promise;
    this.#loadMs = loadMs + graceMs;
    this.#overdue = () => end(`it was not done within ${loadMs} ms`);
    this.#timer = setTimeout(this.#overdue, BOOT_MS);
  }

  /** From now on it is the script that takes its time. */
  booted(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#overdue, this.#loadMs);
  }

  loaded(runtime: PluginRuntime): void {
    clearTimeout(this.#timer);
    this.#settle.resolve(runtime);
  }

  /** The guest is no more. */
  ended(message: string): void {
    clearTimeout(this.#timer);
    this.#settle.reject(new WaymarkError('PLG_FAILED', `the script does not load: ${message}`));
  }
}
