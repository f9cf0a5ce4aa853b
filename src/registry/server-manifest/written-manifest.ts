import type { ApiRoute, Capability, PluginManifest } from './manifest.ts';

export type ManifestSource = 'builtin' | 'host' | 'registry';

/** `plugin.json` as it is written: the same but for what may be left out. */
export interface WrittenManifest
  extends Partial<Omit<PluginManifest, 'capabilities' | 'apiRoutes'>> {
  id: string;
  capabilities: Readonly<Partial<Record<Capability, boolean>>>;
  apiRoutes?: readonly (Pick<ApiRoute, 'method' | 'path'> & Partial<ApiRoute>)[];
}
