import { byPosition, type Diagnostic, fileError, isError } from '../model/diagnostic.ts';
import type { PluginContent } from '../model/object.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { closeFolders, openFolder } from './compile-folder.ts';
import { compileConfigFolder, compileRootFiles, unknownPath } from './config-folder.ts';
import { pluginContent } from './content.ts';
import type { Fragment } from './fragment.ts';
import { findCycles, linkAll, linkFragments, type Unlinked } from './link.ts';
import { linkConfig } from './link-config.ts';
import { locate } from './locate.ts';
import type { ParsePool } from './parse-pool.ts';
import { expectedKind } from './path-rules.ts';
import type { ConfigFolder, Snapshot } from './snapshot.ts';
import { type ContentSink, isTree, type TreeEntry, type TreeSource } from './source.ts';
import { SymbolTable } from './symbols.ts';
import { checkSiblings, checkTreeEntry } from './tree-rules.ts';

export interface Compilation {
  source: TreeSource;
  /** The oid of the registry's root tree. */
  tree: string;
  /** An earlier snapshot: what it shares with the tree is not read again. */
  base?: Snapshot | undefined;
  sink: ContentSink;
  pool: ParsePool;
}

/** The folders of config documents; `docs/` and the like are kept but never read. */
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

/**
 * A registry's tree, parsed, validated and linked; or everything that is wrong
 * with it. The cost follows what differs from the base.
 *
 * @see docs/spec/registry-format.md, "Compiling"
 */
export async function compile(request: Compilation): Promise<Result<Snapshot, Diagnostic[]>> {
  const { source, tree, base } = request;
  if (base?.tree === tree) return ok(base);
  const entries = await source.readTree(tree);
  const found: Diagnostic[] = [];
  const unlinked = await compileFolders(request, checkRoot(entries, found), found);
  const changed = changedFragments(unlinked, base);
  const { symbols, diagnostics, lost } = defineSymbols(changed, base, unlinked);
  const linked = { ...unlinked, symbols };
  found.push(...diagnostics, ...link(linked, changed, lost, base));
  for (const { fragment } of changed) found.push(...fragment.diagnostics);
  for (const folder of unlinked.config.values()) found.push(...folder.diagnostics);
  if (found.some(isError)) return fail(await withPositions(source, linked, found));
  const contents = linkContents(linked, base);
  const warnings = (await withPositions(source, linked, found)).filter((one) => !isError(one));
  return ok({ ...linked, tree, contents, warnings: [...keptWarnings(base, changed), ...warnings] });
}

/** Warnings of fragments that did not change are carried over. */
function keptWarnings(base: Snapshot | undefined, changed: readonly Change[]): Diagnostic[] {
  const roots = changed.map(({ fragment, old }) => `${(fragment ?? old).root}/`);
  return (base?.warnings ?? []).filter(({ path }) => {
    const isFragment = path.startsWith('plugins/') || path.startsWith('objects/');
    return isFragment && !roots.some((root) => path.startsWith(root));
  });
}

function checkRoot(entries: readonly TreeEntry[], found: Diagnostic[]): readonly TreeEntry[] {
  found.push(
    ...checkSiblings(
      '',
      entries.map(({ name }) => name.toString()),
    ),
  );
  return entries.filter(({ name, mode }) => {
    const bad = checkTreeEntry('', name, mode);
    found.push(...bad);
    return !bad.some(isError);
  });
}

async function compileFolders(
  request: Compilation,
  entries: readonly TreeEntry[],
  found: Diagnostic[],
): Promise<Omit<Unlinked, 'symbols'> & { pluginsTree: string }> {
  const { source, base } = request;
  const trees = new Map(
    entries.filter(({ mode }) => isTree(mode)).map(({ name, oid }) => [name.toString(), oid]),
  );
  const config = new Map<string, ConfigFolder>();
  config.set('', await compileRootFiles(source, entries, base?.config.get('')));
  for (const [name, oid] of trees) {
    if (CONFIG_FOLDERS.has(name)) {
      const known = base?.config.get(name);
      const isSame = known?.tree === oid;
      config.set(name, isSame ? known : await compileConfigFolder(source, name, oid, known));
    } else if (
      name !== 'plugins' &&
      name !== 'objects' &&
      expectedKind(`${name}/x`) === 'unknown'
    ) {
      found.push(unknownPath(name));
    }
  }
  if (!config.get('')!.files.some(({ path }) => path === 'registry.yaml')) {
    const hint = 'it says what the organisation is called and how it delivers';
    found.push(fileError('registry.yaml', 'missing-registry', 'registry.yaml is missing', hint));
  }
  return { config, ...(await compileFragments(request, trees, found)) };
}

async function compileFragments(
  { source, base, sink, pool }: Compilation,
  trees: ReadonlyMap<string, string>,
  found: Diagnostic[],
) {
  const pluginsTree = trees.get('plugins') ?? '';
  const plugins = new Map<string, Fragment>();
  const wanted: { root: string; oid: string; base: Fragment | undefined }[] = [];
  if (pluginsTree !== '' && pluginsTree === base?.pluginsTree) {
    for (const [id, fragment] of base.plugins) plugins.set(id, fragment);
  } else if (pluginsTree !== '') {
    for (const { id, oid } of await listPlugins(source, pluginsTree, found)) {
      const known = base?.plugins.get(id);
      if (known?.tree === oid) plugins.set(id, known);
      else wanted.push({ root: `plugins/${id}`, oid, base: known });
    }
  }
  const objects = trees.get('objects');
  let shared = objects !== undefined && base?.shared?.tree === objects ? base.shared : undefined;
  if (objects && !shared) wanted.push({ root: 'objects', oid: objects, base: base?.shared });
  const open = await inGroups(wanted, ({ root, oid, base: known }) =>
    openFolder(source, root, oid, known, sink),
  );
  await closeFolders(pool, open);
  for (const { fragment } of open) {
    if (fragment.root === 'objects') shared = fragment;
    else plugins.set(fragment.root.slice('plugins/'.length), fragment);
  }
  return { plugins, shared, pluginsTree };
}

async function listPlugins(source: TreeSource, tree: string, found: Diagnostic[]) {
  const entries = await source.readTree(tree);
  found.push(
    ...checkSiblings(
      'plugins',
      entries.map(({ name }) => name.toString()),
    ),
  );
  return entries.flatMap(({ name, mode, oid }) => {
    const bad = checkTreeEntry('plugins', name, mode);
    found.push(...bad);
    if (bad.some(isError)) return [];
    if (isTree(mode)) return [{ id: name.toString(), oid }];
    const path = `plugins/${name.toString()}`;
    if (expectedKind(path) === 'unknown') found.push(unknownPath(path));
    return [];
  });
}

async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(work))));
  }
  return results;
}

type Change =
  | { fragment: Fragment; old: Fragment | undefined }
  | { fragment: undefined; old: Fragment };

function changedFragments(
  tree: Omit<Unlinked, 'symbols'>,
  base: Snapshot | undefined,
): (Change & { fragment: Fragment })[] {
  const changed: (Change & { fragment: Fragment })[] = [];
  for (const [id, fragment] of tree.plugins) {
    const old = base?.plugins.get(id);
    if (old !== fragment) changed.push({ fragment, old });
  }
  if (tree.shared && tree.shared !== base?.shared) {
    changed.push({ fragment: tree.shared, old: base?.shared });
  }
  return changed;
}

function defineSymbols(
  changed: readonly (Change & { fragment: Fragment })[],
  base: Snapshot | undefined,
  tree: Omit<Unlinked, 'symbols'>,
) {
  const gone = [...(base?.plugins ?? [])].flatMap(([id, old]) =>
    tree.plugins.has(id) ? [] : [old],
  );
  if (base?.shared && !tree.shared) gone.push(base.shared);
  const olds = [...gone, ...changed.flatMap(({ old }) => (old ? [old] : []))];
  const removed = new Set(olds.flatMap((old) => old.objects.map(({ id }) => id)));
  const added = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  const before = base?.symbols ?? new SymbolTable();
  for (const { fragment } of changed) {
    for (const { id, documentPath } of fragment.objects) {
      const path = `${fragment.root}/${documentPath}`;
      const other = added.get(id) ?? (removed.has(id) ? undefined : before.pathOf(id));
      if (other === undefined) added.set(id, path);
      else {
        const message = `the id ${id} is taken by ${other}`;
        const pointed = { ...fileError(path, 'duplicate-id', message), pointer: '/metadata/id' };
        diagnostics.push(pointed);
      }
    }
  }
  const lost = gone.length > 0 || [...removed].some((id) => !added.has(id));
  return { symbols: before.derive(removed, added), diagnostics, lost };
}

function link(
  tree: Unlinked,
  changed: readonly (Change & { fragment: Fragment })[],
  lost: boolean,
  base: Snapshot | undefined,
): Diagnostic[] {
  const isSharedNew = tree.shared !== base?.shared;
  if (!base || lost || isSharedNew) return linkAll(tree);
  const fragments = changed.map(({ fragment }) => fragment);
  const requiresMoved = changed.some(
    ({ fragment, old }) =>
      JSON.stringify(fragment.plugin?.requires) !== JSON.stringify(old?.plugin?.requires),
  );
  return [
    ...linkFragments(tree, fragments),
    ...(requiresMoved ? findCycles(tree.plugins) : []),
    ...linkConfig(tree),
  ];
}

function linkContents(tree: Unlinked, base: Snapshot | undefined): Map<string, PluginContent> {
  const contents = new Map<string, PluginContent>();
  for (const [id, fragment] of tree.plugins) {
    const includes = (fragment.plugin?.include.length ?? 0) > 0;
    const isSame = base?.plugins.get(id) === fragment && (!includes || tree.shared === base.shared);
    contents.set(id, isSame ? base.contents.get(id)! : pluginContent(id, fragment, tree.shared));
  }
  return contents;
}

/** Looks up the lines of findings that only know a pointer, reading each file once. */
async function withPositions(
  source: TreeSource,
  tree: Unlinked,
  found: readonly Diagnostic[],
): Promise<Diagnostic[]> {
  const isPlaced = ({ line, column, pointer }: Diagnostic) => pointer === '' || line + column > 2;
  const placed = found.filter(isPlaced);
  const byPath = Map.groupBy(
    found.filter((one) => !isPlaced(one)),
    ({ path }) => path,
  );
  for (const [path, diagnostics] of byPath) {
    const oid = oidAt(tree, path);
    if (oid === undefined) placed.push(...diagnostics);
    else placed.push(...locate((await source.readBlobs([oid]))[0]!.toString(), diagnostics));
  }
  return placed.sort(byPosition);
}

function oidAt(tree: Unlinked, path: string): string | undefined {
  const [top = '', second = ''] = path.split('/');
  const folder =
    top === 'plugins' ? tree.plugins.get(second) : top === 'objects' ? tree.shared : undefined;
  if (folder) return folder.files.find((file) => `${folder.root}/${file.path}` === path)?.oid;
  const config = tree.config.get(path.includes('/') ? top : '');
  return config?.files.find((file) => [config.root, file.path].filter(Boolean).join('/') === path)
    ?.oid;
}
