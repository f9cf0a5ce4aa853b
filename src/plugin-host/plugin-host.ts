import type { Caller } from '../identity/caller.ts';
import type { Binding } from './binding.ts';
import type { BindingRef, WireMethod } from './contract/wire.ts';
import type { HostedPlugin } from './hosted-plugin.ts';
import type { BindingStop } from './plugin-state.ts';

/** One call to a server part, for one of an org's bindings. The host adds context and callback id. */
export interface HostCall {
  org: string;
  pluginId: string;
  /** The org's own when not given. */
  binding?: BindingRef;
  method: WireMethod;
  /** Without `context` and `host_callback_id`. */
  params: object;
  requestId: string;
  /** Whose rights callbacks act by; none: the binding's alone. */
  caller?: Caller;
  signal?: AbortSignal;
  /** Lower than the method's own. */
  deadlineMs?: number;
  /** A lost guest is started and asked once more. */
  isRepeatable?: boolean;
  /**
   * What the caller makes of the result, within the call: what it throws is the
   * plugin's bad answer, `ContractViolation` or `PLG_BAD_RESPONSE`.
   */
  read?: (result: unknown) => unknown;
  /** Of configuration that is not saved: what the call sees instead of the binding's. */
  overlay?: {
    config: Readonly<Record<string, unknown>>;
    credentials: Readonly<Record<string, string>>;
  };
}

/** Whatever runs of server parts, for all orgs of this process. */
export interface PluginHost {
  /** Those with a server part, whether or not the org enables them, by id. */
  plugins(org: string): readonly HostedPlugin[];
  find(org: string, id: string): HostedPlugin | undefined;
  /** As the served registry has them; a stopped one is not enabled. */
  bindings(org: string): readonly Binding[];
  findBinding(org: string, ref: BindingRef): Binding | undefined;
  /**
   * @throws {WaymarkError} `PLG_NOT_FOUND` unknown or disabled, `PLG_BUSY`,
   *   `PLG_BREAKER_OPEN`, `PLG_FAILED` and what `PluginRuntime.call` throws
   * @throws {PluginFault}
   */
  call(call: HostCall): Promise<unknown>;
  /**
   * Everything that is wrong with a binding's configuration, by schema and by
   * the plugin itself. Defaults are filled in.
   *
   * @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT`
   */
  checkConfig(
    org: string,
    pluginId: string,
    scope: BindingRef['scope'],
    config: unknown,
    type?: string,
  ): Promise<ConfigCheck>;
  /** Closes the breaker, clears `failed`. */
  reset(org: string, id: string): Promise<void>;
  /**
   * Acts at once, before the change request that switches the binding off is
   * merged. Lifted when that merges or closes, or by `resumeBinding`.
   */
  stopBinding(org: string, ref: BindingRef, change: number, acting: Acting): Promise<void>;
  resumeBinding(org: string, ref: BindingRef, acting: Acting): Promise<void>;
  /** What stops it, by that. */
  findStop(org: string, ref: BindingRef): BindingStop | undefined;
  /**
   * Until what was committed is taken up: sources are read, and what changed has
   * taken over or could not. Bindings need no waiting for.
   */
  settled(org: string): Promise<void>;
  /**
   * Has every enabled server part with management routes tell them, once. Until
   * then `HostedPlugin.routes` and `pages` are empty.
   *
   * @param pluginId this one alone, and those whose routes may stand anywhere: no
   *   other is waited for
   * @throws {WaymarkError} why the named one could not be loaded
   */
  loadRoutes(org: string, pluginId?: string): Promise<void>;
  /**
   * Looks at the sources again and swaps what has changed.
   *
   * @throws {WaymarkError} `PLG_NOT_FOUND`
   */
  reload(id: string): Promise<void>;
  /** Of a host plugin, in every org. @throws {WaymarkError} `PLG_NOT_FOUND` */
  setEnabled(id: string, isEnabled: boolean, acting: Acting): Promise<void>;
  /**
   * Lets a signed host plugin run as a process, as it is now.
   *
   * @throws {WaymarkError} `PLG_NOT_FOUND`, `PLG_UNSIGNED`
   */
  approveProcess(id: string, acting: Acting): Promise<void>;
  close(): Promise<void>;
}

/** Who did it, for the audit log. */
export interface Acting {
  actor: string;
  requestId: string;
}

export type ConfigCheck =
  | { isValid: true; config: Readonly<Record<string, unknown>> }
  | { isValid: false; errors: readonly { field: string; message: string }[] };
