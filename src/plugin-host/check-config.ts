import type { PluginManifest } from '../registry/server-manifest/manifest.ts';
import type { Binding } from './binding.ts';
import { configSchemaOf } from './config-schema.ts';
import { readConfigErrors } from './contract/read-lifecycle.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import { type Config, resolveConfig, withReferences } from './contract/secrets-in-config.ts';
import type { BindingRef } from './contract/wire.ts';
import type { ConfigCheck } from './plugin-host.ts';
import { bareBinding, type Question } from './question.ts';

export interface CheckedConfig {
  scope: BindingRef['scope'];
  /** As in git, or with secrets that are yet to be stored. */
  config: unknown;
  /** Of an integration's. */
  type?: string | undefined;
}

/** Who judges: the schema, then one call of the version that is to live with it. */
export interface ConfigJudges {
  schemas: Pick<SchemaChecker, 'check'>;
  manifest: PluginManifest;
  ask: (question: Question) => Promise<unknown>;
}

/**
 * By the schema, and where that finds nothing by the plugin itself.
 *
 * @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT`, and what the call throws
 */
export async function checkConfig(
  { scope, config, type }: CheckedConfig,
  { schemas, manifest, ask }: ConfigJudges,
): Promise<ConfigCheck> {
  const schema = configSchemaOf(manifest, type) ?? { type: 'object' };
  const verdict = await schemas.check(withReferences(schema), config);
  if (!verdict.isValid) return verdict;
  const whole = verdict.value as Config;
  // It knows its secrets by name alone: whatever is not granted, and what is stored already.
  const seen = await resolveConfig(schema, whole, {
    granted: manifest.permissions.secrets ?? [],
    read: async (field) => `secret:${field}`,
  });
  const binding: Binding = { ...bareBinding(manifest.id), scope, config: seen };
  const params = { config: seen, scope, ...(type !== undefined && { type }) };
  const about = { binding, requestId: 'plugin-host' };
  const answer = await ask({ method: 'config.validate', params, ...about });
  const errors = answer === undefined ? [] : readConfigErrors(answer);
  return errors.length > 0 ? { isValid: false, errors } : { isValid: true, config: whole };
}

/** What is wrong with a binding of the served registry, for a version that is to take over. */
export const bindingProblems =
  (schemas: ConfigJudges['schemas']) =>
  async (
    { manifest, ask }: Omit<ConfigJudges, 'schemas'>,
    { scope, config, type }: Binding,
  ): Promise<string[]> => {
    const check = await checkConfig({ scope, config, type }, { schemas, manifest, ask });
    return check.isValid ? [] : check.errors.map(({ field, message }) => `${field} ${message}`);
  };
