import type { ErrorCode } from '../model/errors.ts';
import type { PluginManifest } from '../registry/server-manifest/manifest.ts';
import type { PluginSource, SignatureState } from './hosted-plugin.ts';
import type { PluginCode, StartRuntime } from './runtime/runtime.ts';

/** A server part as its source has it now, whether or not it can run. */
export interface Part {
  id: string;
  /** Exact. */
  version: string;
  source: PluginSource;
  /** Of one that cannot be read: what is known of it. */
  manifest: PluginManifest;
  /** Of all its files, SHA-256 hex. */
  digest: string;
  signature: SignatureState;
  trust: 'builtin' | 'trusted' | 'untrusted';
  /** False of what is unsigned or unreleased. */
  hasNetwork: boolean;
  /** Why it must not or cannot run. */
  fault: PartFault | null;
  code: PluginCode;
  start: StartRuntime;
}

export interface PartFault {
  code: ErrorCode;
  message: string;
}

/** In the place of a `plugin.json` that cannot be read. */
export const unreadManifest = (id: string): PluginManifest => ({
  id,
  displayName: id,
  author: '',
  repository: '',
  category: '',
  schemaVersion: 1,
  runtime: 'sandbox',
  entry: 'index.js',
  capabilities: new Set(),
  hooks: [],
  permissions: {},
  apiRoutes: [],
  integrationTypes: [],
  gates: [],
  stepTypes: [],
  tools: [],
  limits: {},
});
