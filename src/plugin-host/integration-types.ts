import type { JsonSchema, PluginManifest } from '../registry/server-manifest/manifest.ts';
import { nameOfType } from './config-schema.ts';
import type { HostedPlugin } from './hosted-plugin.ts';
import type { PluginHost } from './plugin-host.ts';

/** What an integration can be of. */
export interface IntegrationType {
  /** Such as `scm.github`; of a plugin's `<plugin>.<name>`. */
  id: string;
  category: string;
  pluginId: string;
  displayName: string;
  configSchema: JsonSchema;
  /** Of `credentials`; null where it does not say. */
  secretsSchema: JsonSchema | null;
  resourceTypes: readonly string[];
  operations: readonly string[];
  isBuiltin: boolean;
}

/** Of all the org's plugins, also of those that are off. */
export function integrationTypes(
  plugins: Pick<PluginHost, 'plugins' | 'find'>,
  org: string,
): IntegrationType[] {
  const ids = new Set(plugins.plugins(org).map(({ id }) => id));
  return [...ids].flatMap((id) => {
    // Not by the list alone: it also has those whose id another source's has taken.
    const plugin = plugins.find(org, id);
    return plugin ? typesOf(plugin) : [];
  });
}

export const findIntegrationType = (
  plugins: Pick<PluginHost, 'plugins' | 'find'>,
  org: string,
  id: string,
): IntegrationType | undefined => integrationTypes(plugins, org).find((type) => type.id === id);

function typesOf({ manifest, source }: HostedPlugin): IntegrationType[] {
  if (!manifest.capabilities.has('integration')) return [];
  return writtenTypes(manifest).map(({ name, ...type }) => ({
    id: nameOfType(manifest, name),
    category: type.category,
    pluginId: manifest.id,
    displayName: type.displayName,
    configSchema: type.configSchema ?? manifest.configSchema ?? { type: 'object' },
    secretsSchema: type.secretsSchema ?? null,
    resourceTypes: type.resourceTypes ?? [],
    operations: type.operations ?? [],
    isBuiltin: source === 'builtin',
  }));
}

/** One that names no type is of one that is its own configuration's. */
function writtenTypes(manifest: PluginManifest): PluginManifest['integrationTypes'] {
  const { integrationTypes: written, category, displayName } = manifest;
  return written.length > 0 ? written : [{ name: 'default', category, displayName }];
}
