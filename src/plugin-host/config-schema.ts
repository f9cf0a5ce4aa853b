import type {
  IntegrationTypeManifest,
  JsonSchema,
  PluginManifest,
} from '../registry/server-manifest/manifest.ts';

/** The schema of a configuration: an integration's is its type's, unless that has none. */
export function configSchemaOf(manifest: PluginManifest, type?: string): JsonSchema | undefined {
  return integrationTypeOf(manifest, type)?.configSchema ?? manifest.configSchema;
}

export const integrationTypeOf = (
  manifest: PluginManifest,
  type: string | undefined,
): IntegrationTypeManifest | undefined =>
  manifest.integrationTypes.find(({ name }) => nameOfType(manifest, name) === type);

/** Waymark's own types have names of their own, such as `scm.github`. */
export const nameOfType = ({ id }: PluginManifest, name: string): string =>
  name.includes('.') ? name : `${id}.${name}`;
