import type { PluginManifest } from '../registry/server-manifest/manifest.ts';
import { NO_CALLS, type Outcome } from './breaker.ts';

export type PluginSource = 'builtin' | 'host' | 'registry';
export type SignatureState = 'core' | 'signed' | 'unsigned' | 'modified' | 'invalid';
export type PluginState = 'discovered' | 'loaded' | 'active' | 'stopped' | 'failed';

export interface MenuEntry {
  title: string;
  description?: string;
  href: string;
}

export interface ManagementRoute {
  method: string;
  /** Normalised: under `/plugins/<id>/`, or of an unconfined plugin anywhere. */
  path: string;
  menu?: string;
  description?: string;
}

/** Pages are always for GET and HEAD. */
export interface ResourcePage {
  /** Below the plugin's own place, with its leading slash. */
  path: string;
  menu?: string;
  description?: string;
}

/** A server part as an org has it. */
export interface HostedPlugin {
  id: string;
  /** Exact. */
  version: string;
  source: PluginSource;
  manifest: PluginManifest;
  digest: string;
  signature: SignatureState;
  trust: 'builtin' | 'trusted' | 'untrusted';
  /** Whether the org has switched it on. */
  isEnabled: boolean;
  priority: number;
  state: PluginState;
  /** What of the requested permissions it has, as `requestedBy` names them. */
  grants: readonly string[];
  requested: readonly string[];
  /** Registered by `management.register`, once loaded. */
  routes: readonly ManagementRoute[];
  pages: readonly ResourcePage[];
  /** A newer version that could not take over, and why. */
  pending: { version: string; reason: string } | null;
  lastError: string | null;
  /** Since the process began. */
  health: {
    breaker: 'closed' | 'open' | 'half-open';
    p50Ms: number | null;
    p95Ms: number | null;
    /** Answered, also by an error; lost by a fault of its own; never begun. */
    calls: Readonly<Record<Outcome, number>>;
    restarts: number;
    memoryBytes: number;
  };
}

/** Of one that was never called. */
export const UNTOUCHED: HostedPlugin['health'] = {
  breaker: 'closed',
  p50Ms: null,
  p95Ms: null,
  calls: NO_CALLS,
  restarts: 0,
  memoryBytes: 0,
};
