import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { closeFolders, openFolder } from './compile-folder.ts';
import { checkOtherFolder, compileConfigFolder, compileRootFiles } from './config-folder.ts';
import type { Fragment } from './fragment.ts';
import type { ParsePool } from './parse-pool.ts';
import { placeOf } from './path-rules.ts';
import type { ConfigFolder, Snapshot } from './snapshot.ts';
import { isTree } from './source.ts';
import type { TreeReader } from './tree-reader.ts';
import { unknownPath } from './unknown-path.ts';

/** Every folder of a registry compiled by itself. */
export interface CompiledTree {
  plugins: ReadonlyMap<string, Fragment>;
  shared: Fragment | undefined;
  config: ReadonlyMap<string, ConfigFolder>;
  pluginsTree: string;
  /** Of the root and of `plugins/` itself; the folders hold their own. */
  diagnostics: Diagnostic[];
}

/** The folders of documents that are neither plugins nor objects. */
const CONFIG_FOLDERS = new Set([
  'access',
  'channels',
  'environments',
  'integrations',
  'marketplaces',
  'namespaces',
  'policies',
  'releases',
  'strategies',
  'targets',
  'workflows',
]);

/** Folders compiled at the same time: enough to keep git's pipe full, few enough for memory. */
const AT_ONCE = 16;

export async function compileTree(
  reader: TreeReader,
  pool: ParsePool,
  tree: string,
  base: Snapshot | undefined,
): Promise<CompiledTree> {
  const diagnostics: Diagnostic[] = [];
  const entries = await reader.readFolder('', tree, diagnostics);
  const trees = new Map(
    entries.filter(({ mode }) => isTree(mode)).map(({ name, oid }) => [name.toString(), oid]),
  );
  const root = await compileRootFiles(reader, entries, base?.config.get(''));
  if (!root.files.some(({ path }) => placeOf(path).role === 'Registry')) {
    const hint = 'it says what the organisation is called and how it delivers';
    diagnostics.push(
      fileError('registry.yaml', 'missing-registry', 'registry.yaml is missing', hint),
    );
  }
  const config = new Map([['', root]]);
  for (const [name, oid] of trees) {
    if (name === 'plugins' || name === 'objects') continue;
    config.set(name, await compileOther(reader, name, oid, base?.config.get(name)));
  }
  return {
    config,
    diagnostics,
    ...(await compileFragments(reader, pool, trees, base, diagnostics)),
  };
}

async function compileOther(
  reader: TreeReader,
  name: string,
  oid: string,
  known: ConfigFolder | undefined,
): Promise<ConfigFolder> {
  if (known?.tree === oid && reader.count(known.entries)) return known;
  return CONFIG_FOLDERS.has(name)
    ? await compileConfigFolder(reader, name, oid, known)
    : await checkOtherFolder(reader, name, oid);
}

/** `plugins/<id>` and `objects`: a folder whose tree the base holds is not looked into. */
async function compileFragments(
  reader: TreeReader,
  pool: ParsePool,
  trees: ReadonlyMap<string, string>,
  base: Snapshot | undefined,
  diagnostics: Diagnostic[],
): Promise<Pick<CompiledTree, 'plugins' | 'shared' | 'pluginsTree'>> {
  const pluginsTree = trees.get('plugins') ?? '';
  const roots = await listPlugins(reader, pluginsTree, base, diagnostics);
  const objects = trees.get('objects');
  if (objects !== undefined) roots.set('objects', objects);

  const fragments = new Map<string, Fragment | undefined>();
  const wanted: { root: string; oid: string; known: Fragment | undefined }[] = [];
  for (const [root, oid] of roots) {
    const known = root === 'objects' ? base?.shared : base?.plugins.get(pluginOf(root));
    const isSame = known?.tree === oid && reader.count(known.entries);
    fragments.set(root, isSame ? known : undefined); // in the tree's order, whatever is known
    if (!isSame) wanted.push({ root, oid, known });
  }
  const open = await inGroups(wanted, ({ root, oid, known }) =>
    openFolder(reader, root, oid, known),
  );
  await closeFolders(pool, open);
  for (const { fragment } of open) fragments.set(fragment.root, fragment);

  const shared = fragments.get('objects');
  fragments.delete('objects');
  const plugins = new Map([...fragments].map(([root, fragment]) => [pluginOf(root), fragment!]));
  return { plugins, shared, pluginsTree };
}

const pluginOf = (root: string): string => root.slice('plugins/'.length);

/** The plugins' folders and their trees. */
async function listPlugins(
  reader: TreeReader,
  tree: string,
  base: Snapshot | undefined,
  diagnostics: Diagnostic[],
): Promise<Map<string, string>> {
  if (tree === '') return new Map();
  if (tree === base?.pluginsTree) {
    const ofPlugins = ({ path }: Diagnostic) => /^plugins\/[^/]*$/.test(path);
    diagnostics.push(...base.warnings.filter(ofPlugins));
    return new Map([...base.plugins.values()].map(({ root, tree: oid }) => [root, oid]));
  }
  const roots = new Map<string, string>();
  for (const { name, mode, oid } of await reader.readFolder('plugins', tree, diagnostics)) {
    const path = `plugins/${name.toString()}`;
    if (isTree(mode)) roots.set(path, oid);
    else if (placeOf(path).role === 'unknown') diagnostics.push(unknownPath(path));
  }
  return roots;
}

async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(work))));
  }
  return results;
}
