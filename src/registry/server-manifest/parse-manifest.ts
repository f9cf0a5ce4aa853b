import { satisfies } from 'semver';
import { fail, ok, type Result } from '../../model/result.ts';
import { toPointer } from '../finding.ts';
import { toFindings } from '../schema-findings.ts';
import { validatorForManifest } from '../schemas.ts';
import { checkManifest } from './check-manifest.ts';
import { parseJsonText } from './json-text.ts';
import type { ApiRoute, Capability, PluginManifest, PluginPermissions } from './manifest.ts';
import { SCHEMA_VERSION } from './schema-version.ts';
import type { ManifestSource, WrittenManifest } from './written-manifest.ts';

export interface ManifestProblem {
  code: 'PLG_MANIFEST' | 'PLG_INCOMPATIBLE';
  /** RFC 6901, into `plugin.json`. */
  pointer: string;
  message: string;
}

export interface ManifestTerms {
  source: ManifestSource;
  /** Of this Waymark. */
  hostVersion: string;
}

const BOUNDS = { bytes: 256 * 1024, depth: 48 };
const MOST_PROBLEMS = 50;

/**
 * Reads `plugin.json`, or says all that is wrong with it.
 *
 * @see docs/spec/plugin-host.md, "plugin.json"
 */
export function parseManifest(
  source: string | Uint8Array,
  terms: ManifestTerms,
): Result<PluginManifest, readonly ManifestProblem[]> {
  const parsed = parseJsonText(source, BOUNDS);
  if (!parsed.ok) return fail([wrong(parsed.error.pointer, parsed.error.message)]);
  const tooNew = findNewerContract(parsed.value);
  if (tooNew) return fail([tooNew]);
  const validate = validatorForManifest();
  if (!validate(parsed.value)) {
    const findings = toFindings(validate.errors?.slice(0, MOST_PROBLEMS) ?? []);
    return fail(
      findings.map(({ pointer, message, hint }) =>
        wrong(toPointer(pointer), hint === undefined ? message : `${message} (${hint})`),
      ),
    );
  }
  const written = parsed.value as WrittenManifest;
  const problems = checkManifest(written, terms.source).map(({ pointer, message }) =>
    wrong(pointer, message),
  );
  if (problems.length > 0) return fail(problems.slice(0, MOST_PROBLEMS));
  const unmet = findUnmetEngine(written, terms.hostVersion);
  return unmet ? fail([unmet]) : ok(frozen(completed(written)));
}

const wrong = (pointer: string, message: string): ManifestProblem => ({
  code: 'PLG_MANIFEST',
  pointer,
  message: message.replace(/^the document /, 'plugin.json '),
});

/** Said alone: whatever else is unknown in it, a later contract may know. */
function findNewerContract(value: unknown): ManifestProblem | undefined {
  const version = (value as Partial<WrittenManifest> | null)?.schemaVersion;
  if (typeof version !== 'number' || version <= SCHEMA_VERSION) return undefined;
  const message = `schemaVersion ${version} is above ${SCHEMA_VERSION}, which this Waymark speaks`;
  return { code: 'PLG_INCOMPATIBLE', pointer: '/schemaVersion', message };
}

function findUnmetEngine(
  { engines }: WrittenManifest,
  hostVersion: string,
): ManifestProblem | undefined {
  const range = engines?.waymark;
  // A prerelease of a host is that host: who runs it wants to try its plugins.
  if (range === undefined || satisfies(hostVersion, range, { includePrerelease: true })) {
    return undefined;
  }
  const message = `it needs Waymark ${range}, and this is ${hostVersion}`;
  return { code: 'PLG_INCOMPATIBLE', pointer: '/engines/waymark', message };
}

function completed(written: WrittenManifest): PluginManifest {
  const { capabilities, apiRoutes = [], permissions = {} } = written;
  const has = (Object.keys(capabilities) as Capability[]).filter((name) => capabilities[name]);
  const routes = apiRoutes.map(
    (route): ApiRoute => ({ auth: 'user', rateTier: 'api', bridge: false, ...route }),
  );
  return {
    displayName: written.id,
    author: '',
    repository: '',
    category: 'automation',
    schemaVersion: SCHEMA_VERSION,
    runtime: 'sandbox',
    entry: 'index.js',
    hooks: has.some((name) => name.endsWith('_hook')) ? ['*'] : [],
    integrationTypes: [],
    gates: [],
    stepTypes: [],
    tools: [],
    limits: {},
    ...written,
    capabilities: new Set(has),
    apiRoutes: routes,
    permissions: asked(permissions, routes),
  };
}

/** A public route asks by itself for being one. */
function asked(permissions: PluginPermissions, routes: readonly ApiRoute[]): PluginPermissions {
  const isPublic = routes.some(({ auth }) => auth === 'public');
  return isPublic ? { ...permissions, publicRoutes: true } : permissions;
}

/** It is shared by all calls: nobody changes it for the others. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Set)) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
