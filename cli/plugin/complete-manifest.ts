import { Failure } from '../errors.ts';
import type { Description } from './description.ts';
import type { PluginSource } from './source.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The `plugin.json` that is packed: the author's, and what the code says where that says nothing.
 *
 * @throws {Failure} where both say something else
 */
export function completeManifest(source: PluginSource, code: Description): Fields {
  const { manifest, packageVersion } = source;
  for (const name of ['id', 'category'] as const) {
    if (manifest[name] !== undefined && code[name] && manifest[name] !== code[name]) {
      throw new Failure(
        `plugin.json has the ${name} ${JSON.stringify(manifest[name])}, the code ${JSON.stringify(code[name])}`,
      );
    }
  }
  const given = { ...manifest, entry: 'index.js' };
  const found = {
    id: code.id,
    displayName: code.displayName,
    version: packageVersion,
    category: code.category,
    schemaVersion: 1,
    hooks: code.hooks,
    configSchema: code.configSchema,
    tools: code.tools,
    integrationTypes: code.integrationTypes,
  };
  const capabilities = {
    ...Object.fromEntries(code.capabilities.map((name) => [name, true])),
    ...(manifest['capabilities'] as object | undefined),
  };
  const apiRoutes = routesOf(manifest['apiRoutes'], code.apiRoutes);
  return ordered({
    ...defined(found),
    ...given,
    capabilities,
    apiRoutes: apiRoutes.length > 0 ? apiRoutes : undefined,
  });
}

const ORDER = [
  'id',
  'displayName',
  'version',
  'author',
  'repository',
  'category',
  'schemaVersion',
  'engines',
  'runtime',
  'entry',
  'capabilities',
  'hooks',
  'configSchema',
  'permissions',
  'apiRoutes',
  'integrationTypes',
  'gates',
  'stepTypes',
  'tools',
  'limits',
];

/** A reviewer of a registry reads it: what it is first, what it asks for next. */
function ordered(fields: Fields): Fields {
  const known = ORDER.map((name) => [name, fields[name]] as const);
  return defined({ ...Object.fromEntries(known), ...fields });
}

const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Route files are routes; what `plugin.json` says of one of them is added to it. */
function routesOf(declared: unknown, files: Description['apiRoutes']): Fields[] {
  const given = Array.isArray(declared) ? (declared as Fields[]) : [];
  if (files.length === 0) return given;
  const byKey = new Map(
    given.map((route) => [`${String(route['method'])} ${String(route['path'])}`, route]),
  );
  const routes = files.map((file) => {
    const key = `${file.method} ${file.path}`;
    const more = byKey.get(key);
    byKey.delete(key);
    return { ...file, ...more };
  });
  const [orphan] = byKey.keys();
  if (orphan)
    throw new Failure(`plugin.json has the route ${orphan}, and no route file answers it`);
  return routes;
}
