import type { PluginLimits } from '../../registry/server-manifest/limits.ts';
import type { WireMethod } from '../contract/wire.ts';

/** What runs: one script, or a built-in's methods. */
export interface PluginCode {
  id: string;
  version: string;
  /** SHA-256 over what is loaded, lower-case hex. */
  digest: string;
  script: Buffer;
  /** Where it lies, of runtime `process`: all that it may read. */
  dir?: string;
}

/** Why a guest is no more. */
export interface RuntimeEnd {
  cause: 'closed' | 'timeout' | 'memory' | 'crash' | 'bad-answer';
  /** For the log and `lastError`. */
  message: string;
}

export interface CallTerms {
  deadlineMs: number;
  /** Aborted: the guest's `ctx.signal` is told; the call ends no later than its deadline. */
  signal?: AbortSignal;
}

/** What a guest can ask of its host. */
export interface RuntimeHost {
  /**
   * Answers JSON. `params.host_callback_id` is what the guest claims to act for.
   *
   * @throws {PluginFault | WaymarkError} goes to the guest as an error it can catch
   */
  callback(name: string, params: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/**
 * One living guest. Calls may overlap; whoever holds it bounds their number.
 *
 * @see docs/spec/plugin-host.md, "Isolation"
 */
export interface PluginRuntime {
  /**
   * Params and result are plain JSON values.
   *
   * @throws {PluginFault} the guest's own error
   * @throws {WaymarkError} `PLG_TIMEOUT`, `PLG_OUT_OF_MEMORY`, `PLG_BAD_RESPONSE`,
   *   `PLG_RESTARTED` when another call's fault ended the guest, `PLG_METHOD_UNSUPPORTED`
   */
  call(method: WireMethod, params: object, terms: CallTerms): Promise<unknown>;
  memoryBytes(): number;
  /** When the guest is gone, however it went. Never rejects. */
  readonly ended: Promise<RuntimeEnd>;
  /** Ends it at once, whatever it does. Nobody has to wait. */
  close(): void;
}

/** @throws {WaymarkError} `PLG_FAILED` for a script that does not load */
export type StartRuntime = (
  code: PluginCode,
  options: { limits: PluginLimits; host: RuntimeHost },
) => Promise<PluginRuntime>;
