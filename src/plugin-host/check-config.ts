import type { JsonSchema, PluginManifest } from '../registry/server-manifest/manifest.ts';
import type { Binding } from './binding.ts';
import { readConfigErrors } from './contract/read-lifecycle.ts';
import type { BindingRef } from './contract/wire.ts';
import type { ConfigCheck } from './plugin-host.ts';
import { bareBinding, type Question } from './question.ts';

/** Runs authors' schemas where they can hold nobody up. */
export interface SchemaCheck {
  /** @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT` */
  check(
    schema: JsonSchema,
    value: unknown,
  ): Promise<{ value: unknown; errors: readonly { field: string; message: string }[] }>;
}

/** The configuration's schema: an integration's is its type's. */
export function configSchemaOf(manifest: PluginManifest, type?: string): JsonSchema | undefined {
  if (type === undefined) return manifest.configSchema;
  const own = manifest.integrationTypes.find(({ name }) => `${manifest.id}.${name}` === type);
  return own?.configSchema ?? manifest.configSchema;
}

/**
 * By the schema, and where that finds nothing by the plugin itself.
 *
 * @param ask one call of the version that is to live with it
 */
export async function checkConfig(
  { schemas, manifest }: { schemas: SchemaCheck; manifest: PluginManifest },
  { scope, config, type }: { scope: BindingRef['scope']; config: unknown; type?: string },
  ask: (question: Question) => Promise<unknown>,
): Promise<ConfigCheck> {
  const schema = configSchemaOf(manifest, type);
  const { value, errors } = await schemas.check(schema ?? { type: 'object' }, config);
  if (errors.length > 0) return { isValid: false, errors };
  const binding: Binding = { ...bareBinding(manifest.id), config: value as Binding['config'] };
  const params = { config: value, scope };
  const about = { binding, requestId: 'plugin-host' };
  const answer = await ask({ method: 'config.validate', params, ...about });
  const refused = answer === undefined ? [] : readConfigErrors(answer);
  return refused.length > 0
    ? { isValid: false, errors: refused }
    : { isValid: true, config: binding.config };
}
