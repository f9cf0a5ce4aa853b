import { BUILTIN_PLUGINS } from '../../registry/builtin-plugins.ts';
import type { IntegrationTypeManifest } from '../../registry/server-manifest/manifest.ts';
import type { WrittenManifest } from '../../registry/server-manifest/written-manifest.ts';

type OwnType = Pick<IntegrationTypeManifest, 'category' | 'resourceTypes' | 'operations'>;

interface OwnManifest extends Omit<WrittenManifest, 'id' | 'integrationTypes'> {
  /** Of the type that `schemas/plugins/<id>.json` names, if it names one. */
  integration?: OwnType;
}

/** A manifest of Waymark's own, with the schemas of `schemas/plugins/<id>.json`. */
export function ownManifest(id: string, { integration, ...part }: OwnManifest): WrittenManifest {
  const { configSchema, type, credentialsSchema } = BUILTIN_PLUGINS.get(id)!;
  const manifest = { id, author: 'Waymark', configSchema, ...part };
  if (!integration || type === undefined) return manifest;
  const integrationType = {
    name: type,
    displayName: part.displayName ?? id,
    configSchema,
    ...(credentialsSchema && { secretsSchema: credentialsSchema }),
    ...integration,
  };
  return { ...manifest, integrationTypes: [integrationType] };
}
