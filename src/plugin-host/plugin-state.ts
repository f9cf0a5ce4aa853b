import type { AuditEntry } from '../audit/entry.ts';
import type { BindingRef } from './contract/wire.ts';

/** What a site admin has said of a host plugin, whose files say nothing of it. */
export interface HostPluginState {
  id: string;
  isEnabled: boolean;
  /** The digest of what may run as a process; null for none. */
  approvedDigest: string | null;
}

/** A binding that is off before the change which switches it off is merged. */
export interface BindingStop extends BindingRef {
  org: string;
  /** The change request's number. */
  change: number;
  at: string;
}

export interface PluginStateStore {
  hostPlugins(): Promise<HostPluginState[]>;
  saveHostPlugin(state: HostPluginState, entry: AuditEntry): Promise<void>;
  /** By scope and id. */
  stops(org: string): Promise<BindingStop[]>;
  /** In place of an earlier one of the same binding. */
  stop(stop: BindingStop, entry: AuditEntry): Promise<void>;
  /** False, and nothing written, where it is not stopped. */
  resume(org: string, ref: BindingRef, entry: AuditEntry): Promise<boolean>;
}
