import { satisfies } from 'semver';
import type { Committing, EditResult } from '../changes/commit-edit.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { WaymarkError } from '../model/errors.ts';
import type { PluginManifest } from '../registry/server-manifest/manifest.ts';
import { orgPluginsOf } from './bindings-of.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import { dependentsOfPlugin } from './dependents.ts';
import type { Part } from './part.ts';
import { missingGrants, requestedBy } from './permissions.ts';
import type { VersionChoice } from './sources/registry-part.ts';
import { type BindingWriteDeps, writeBinding } from './write-binding.ts';
import { isOn } from './written-binding.ts';

/** The server part that an org would have by a choice of version; undefined of no plugin. */
export type FindPart = (
  runtime: OrgRuntime,
  id: string,
  choice: VersionChoice,
) => Promise<Part | undefined>;

export interface EnablingDeps extends BindingWriteDeps {
  schemas: Pick<SchemaChecker, 'checkSchema'>;
  findPart: FindPart;
}

export interface Enabling {
  id: string;
  /** Exact, a range or a channel; what `registry.yaml` says when not given. */
  version?: string | undefined;
  grants?: readonly string[] | undefined;
}

/**
 * Switches a plugin on for an org, once whoever does it has granted all that it
 * asks for.
 *
 * @throws {WaymarkError} `PLG_NOT_FOUND`, `PLG_INCOMPATIBLE`, `PLG_UNSIGNED`,
 *   `PLG_MANIFEST`, `PLG_PERMISSIONS`, and as `writeBinding`
 */
export async function enablePlugin(
  deps: EnablingDeps,
  committing: Committing,
  { id, version, grants }: Enabling,
): Promise<EditResult> {
  const { runtime } = committing;
  const before = orgPluginsOf(runtime.view.published.config).get(id);
  const choice = { ...before, ...(version !== undefined && { version }) };
  const part = await deps.findPart(runtime, id, choice);
  if (!part) throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
  checkRunnable(part, version);
  checkGrants(part, grants ?? before?.grants ?? []);
  await checkSchemas(part.manifest, deps.schemas);
  return await writeBinding(deps, committing, {
    ref: { scope: 'org', id },
    pluginId: id,
    message: `Enable the plugin ${id}`,
    isResuming: true,
    next: (entry) => ({
      ...entry,
      // Nothing said is on: what is so already makes no commit.
      ...(!isOn(entry) && { enabled: true }),
      ...(version !== undefined && { version }),
      ...(grants && { grants }),
    }),
  });
}

function checkRunnable({ id, source, version, fault }: Part, wanted: string | undefined): void {
  if (fault) throw new WaymarkError(fault.code, `${id} cannot be enabled: ${fault.message}`);
  // What lies on the host, or is Waymark's own, is there in one version alone.
  if (source === 'registry' || wanted === undefined) return;
  if (satisfies(version, wanted, { includePrerelease: true })) return;
  const message = `${id} is there in the version ${version} alone, which is not ${wanted}`;
  throw new WaymarkError('PLG_INCOMPATIBLE', message, { details: { version } });
}

/** Waymark's own need no leave of the org's. */
function checkGrants({ id, source, manifest }: Part, grants: readonly string[]): void {
  const requested = requestedBy(manifest.permissions);
  const missing = source === 'builtin' ? [] : missingGrants(requested, grants);
  if (missing.length === 0) return;
  const message = `${id} asks for ${missing.join(', ')}, which is not granted`;
  throw new WaymarkError('PLG_PERMISSIONS', message, { details: { requested, missing } });
}

/** A schema that is none would refuse every configuration, and say so of the configuration. */
async function checkSchemas(
  { configSchema, integrationTypes }: PluginManifest,
  schemas: EnablingDeps['schemas'],
): Promise<void> {
  const all = [
    ['configSchema', configSchema] as const,
    ...integrationTypes.flatMap(({ name, ...type }) => [
      [`configSchema of ${name}`, type.configSchema] as const,
      [`secretsSchema of ${name}`, type.secretsSchema] as const,
    ]),
  ];
  for (const [what, schema] of all) {
    const error = schema && (await schemas.checkSchema(schema));
    if (!error) continue;
    const message = `${what} in plugin.json cannot be used: ${error.field} ${error.message}`;
    throw new WaymarkError('PLG_MANIFEST', message);
  }
}

/**
 * Switches a plugin off for an org: at once, also where people have to decide first.
 *
 * @param isForced though something needs it
 * @throws {WaymarkError} `RES_IN_USE`, and as `writeBinding`
 */
export async function disablePlugin(
  deps: BindingWriteDeps,
  committing: Committing,
  { id, isForced }: { id: string; isForced: boolean },
): Promise<EditResult> {
  if (!isForced) checkPluginUnused(committing.runtime, id);
  return await writeBinding(deps, committing, {
    ref: { scope: 'org', id },
    pluginId: id,
    message: `Disable the plugin ${id}`,
    next: (entry) => entry && { ...entry, enabled: false },
  });
}

/** @throws {WaymarkError} `RES_IN_USE` */
export function checkPluginUnused({ view }: OrgRuntime, id: string): void {
  const dependents = dependentsOfPlugin(view.published.config, id);
  if (dependents.length === 0) return;
  const message = `${id} is used by ${dependents.map(({ path }) => path).join(', ')}`;
  throw new WaymarkError('RES_IN_USE', message, { details: { dependents } });
}
