import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, UsageError } from '../errors.ts';

/** What an author wrote: `plugin.json`, a module, and route files. */
export interface PluginSource {
  dir: string;
  /** `plugin.json` as it stands; what is missing follows from the code. */
  manifest: Readonly<Record<string, unknown>>;
  /** The module with the plugin's definition, relative to `dir`; none where route files are all. */
  module: string | undefined;
  /** Route files relative to `dir`, by their endpoint: `items/[id]`. */
  routes: ReadonlyMap<string, string>;
  /** Of `package.json`. */
  packageVersion: string | undefined;
}

const MODULES = ['src/plugin', 'src/index', 'plugin', 'plugin.config', 'index'].flatMap((name) =>
  ['ts', 'js', 'mjs'].map((extension) => `${name}.${extension}`),
);
const ROUTE_FILE = /^route\.(?:ts|js|mjs)$/;

/** @throws {UsageError} where there is no plugin */
export function readSource(dir: string): PluginSource {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${dir} is no folder`);
  }
  const manifest = readJson(join(dir, 'plugin.json'));
  if (!manifest) {
    throw new UsageError(`${dir} has no plugin.json: \`waymark plugin init\` makes a plugin`);
  }
  const module = MODULES.find((path) => existsSync(join(dir, path)));
  const routes = new Map(['api', 'src/api'].flatMap((root) => routeFiles(dir, root)));
  if (!module && routes.size === 0) {
    throw new UsageError(`${dir} has neither src/plugin.ts nor api/**/route.ts`);
  }
  const version = readJson(join(dir, 'package.json'))?.['version'];
  const packageVersion = typeof version === 'string' ? version : undefined;
  return { dir, manifest, module, routes, packageVersion };
}

function routeFiles(dir: string, root: string): [endpoint: string, path: string][] {
  if (!existsSync(join(dir, root))) return [];
  return readdirSync(join(dir, root), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => ROUTE_FILE.test(path.slice(path.lastIndexOf('/') + 1)))
    .sort()
    .map((path) => {
      const endpoint = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
      if (endpoint) return [endpoint, `${root}/${path}`];
      throw new Failure(`${root}/${path}: a route needs a folder, which names it`);
    });
}

function readJson(path: string): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw new Failure(`${path}: ${(error as Error).message}`, { cause: error });
  }
  throw new Failure(`${path} is no JSON object`);
}
