import { randomBytes } from 'node:crypto';
import type { Caller } from '../../identity/caller.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { PluginManifest } from '../../registry/server-manifest/manifest.ts';
import type { Binding } from '../binding.ts';
import type { PluginSource } from '../hosted-plugin.ts';

/** One running server part. The host makes one for each runtime that it starts; it is itself its name. */
export interface Guest {
  org: string;
  source: PluginSource;
  version: string;
  manifest: PluginManifest;
  /** False of what is unsigned or unreleased. */
  hasNetwork: boolean;
}

/** What the host knows of a call into a guest. Callbacks act by this, never by what they are told. */
export interface CallRecord {
  guest: Guest;
  binding: Binding;
  /** Of `permissions.ts`: `http:<host>`, `kv`, `secrets:token`, `read:releases`, `model`. */
  grants: ReadonlySet<string>;
  /** Instead of the binding's own, which is not saved yet: config, and secrets by field. */
  overlay?: {
    config: Readonly<Record<string, unknown>>;
    credentials: Readonly<Record<string, string>>;
  };
  /** Whose rights `host.read` has; none: the binding's. */
  caller?: Caller;
  requestId: string;
}

export interface OpenCall {
  record: CallRecord;
  /** Aborted when the call has ended: what it asked for is worth nothing any more. */
  signal: AbortSignal;
}

export interface CallRecords {
  /** The call's id, which nobody can guess. */
  begin(record: CallRecord): string;
  /**
   * The call that a guest says it acts for.
   *
   * @throws {WaymarkError} `PLG_CALLBACK_REFUSED`, in the same words for one that
   *   has ended, that never was, and that is another guest's
   */
  get(guest: Guest, id: unknown): OpenCall;
  end(id: string): void;
}

export function createCallRecords(): CallRecords {
  const open = new Map<string, { record: CallRecord; ending: AbortController }>();

  return {
    begin(record) {
      const id = randomBytes(16).toString('base64url');
      open.set(id, { record, ending: new AbortController() });
      return id;
    },

    get(guest, id) {
      const found = typeof id === 'string' ? open.get(id) : undefined;
      // By identity: not even the version that replaced it may use its calls.
      if (found?.record.guest === guest) {
        return { record: found.record, signal: found.ending.signal };
      }
      const message = 'host_callback_id names no call under way of this plugin';
      throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
    },

    end(id) {
      open.get(id)?.ending.abort(callEnded());
      open.delete(id);
    },
  };
}

export const callEnded = () =>
  new WaymarkError('PLG_CALLBACK_REFUSED', 'the call that this was for has ended');

/** The configuration that a call is about. */
export const configOf = ({ overlay, binding }: CallRecord): Readonly<Record<string, unknown>> =>
  overlay?.config ?? binding.config;

/** @throws {WaymarkError} `PLG_CALLBACK_REFUSED` */
export function checkGranted({ grants }: CallRecord, permission: string): void {
  if (!grants.has(permission)) throw notGranted(permission);
}

export function notGranted(permission: string): WaymarkError {
  const message = `the permission ${permission} is not granted to this plugin`;
  return new WaymarkError('PLG_CALLBACK_REFUSED', message);
}
