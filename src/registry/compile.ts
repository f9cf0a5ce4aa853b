import { byPosition, type Diagnostic, isError } from '../model/diagnostic.ts';
import type { PluginContent } from '../model/object.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { type CompiledTree, compileTree } from './compile-tree.ts';
import { pluginContent } from './content.ts';
import type { Fragment } from './fragment.ts';
import { findCycles, linkAll, linkFragments } from './link.ts';
import { linkConfig } from './link-config.ts';
import { locate } from './locate.ts';
import type { ParsePool } from './parse-pool.ts';
import type { Snapshot } from './snapshot.ts';
import type { ContentSink, TreeSource } from './source.ts';
import { SymbolTable } from './symbols.ts';
import { TreeReader } from './tree-reader.ts';
import type { Unlinked } from './unlinked.ts';

export interface Compilation {
  source: TreeSource;
  /** The oid of the registry's root tree. */
  tree: string;
  /** An earlier snapshot: what it shares with the tree is not read again. */
  base?: Snapshot | undefined;
  sink: ContentSink;
  pool: ParsePool;
}

/** A fragment that the base does not hold, and what the base holds in its place. */
interface Change {
  fragment: Fragment;
  old: Fragment | undefined;
}

/** Raised whenever the same tree would compile to something else. */
export const COMPILER_VERSION = 2;

/**
 * A registry's tree, parsed, validated and linked; or everything that is wrong
 * with it. The cost follows what differs from the base; the answer does not
 * depend on it.
 *
 * @see docs/spec/registry-format.md, "Compiling"
 */
export async function compile(request: Compilation): Promise<Result<Snapshot, Diagnostic[]>> {
  const { source, tree, base, pool } = request;
  if (base?.tree === tree) return ok(base);
  const reader = new TreeReader(source, request.sink);
  const compiled = await compileTree(reader, pool, tree, base);
  // What was not listed any more would count as missing.
  if (reader.isFull) return fail(reader.diagnostics);
  const changes = findChanges(compiled, base);
  const { symbols, diagnostics, hasLost } = defineSymbols(compiled, changes, base);
  const unlinked = { ...compiled, symbols };
  const found = [
    ...compiled.diagnostics,
    ...reader.diagnostics,
    ...fragmentsOf(compiled).flatMap((fragment) => fragment.diagnostics),
    ...[...compiled.config.values()].flatMap((folder) => folder.diagnostics),
    ...diagnostics,
    ...link(unlinked, changes, hasLost, base),
  ];
  const placed = await withPositions(source, unlinked, found);
  if (placed.some(isError)) return fail(placed);
  const contents = linkContents(unlinked, base);
  const { config, plugins, shared, pluginsTree } = compiled;
  return ok({
    tree,
    pluginsTree,
    plugins,
    shared,
    config,
    symbols,
    contents,
    warnings: placed,
  });
}

export const fragmentsOf = ({
  plugins,
  shared,
}: Pick<CompiledTree, 'plugins' | 'shared'>): Fragment[] => [
  ...plugins.values(),
  ...(shared ? [shared] : []),
];

function findChanges(tree: CompiledTree, base: Snapshot | undefined): Change[] {
  const known = base ? fragmentsOf(base) : [];
  const olds = new Map(known.map((fragment) => [fragment.root, fragment]));
  return fragmentsOf(tree).flatMap((fragment) => {
    const old = olds.get(fragment.root);
    return old === fragment ? [] : [{ fragment, old }];
  });
}

/**
 * Every object's id, each once. `hasLost` says that an id or a plugin which the
 * base holds has gone, so that any reference may point at nothing.
 */
function defineSymbols(
  tree: CompiledTree,
  changes: readonly Change[],
  base: Snapshot | undefined,
): { symbols: SymbolTable; diagnostics: Diagnostic[]; hasLost: boolean } {
  const roots = new Set(fragmentsOf(tree).map(({ root }) => root));
  const gone = (base ? fragmentsOf(base) : []).filter(({ root }) => !roots.has(root));
  const olds = [...gone, ...changes.flatMap(({ old }) => (old ? [old] : []))];
  const removed = new Set(olds.flatMap((old) => old.objects.map(({ id }) => id)));
  const before = base?.symbols ?? new SymbolTable();
  const paths = new Map<string, string[]>();
  for (const { fragment } of changes) {
    for (const { id, documentPath } of fragment.objects) {
      const path = `${fragment.root}/${documentPath}`;
      const others = paths.get(id);
      const unchanged = removed.has(id) ? undefined : before.pathOf(id);
      if (others) others.push(path);
      else paths.set(id, unchanged === undefined ? [path] : [unchanged, path]);
    }
  }
  const added = [...paths].map(([id, all]) => [id, all.sort()[0]!] as const);
  const diagnostics = [...paths].flatMap(([id, [first, ...others]]) =>
    others.map((path) => duplicate(id, path, first!)),
  );
  const hasLost = gone.length > 0 || [...removed].some((id) => !paths.has(id));
  return { symbols: before.derive(removed, added), diagnostics, hasLost };
}

function duplicate(id: string, path: string, first: string): Diagnostic {
  const message = `the id ${id} is taken by ${first}`;
  const at = { path, line: 1, column: 1, pointer: '/metadata/id' };
  return { severity: 'error', code: 'duplicate-id', ...at, message };
}

/** References that stood in the base still stand, unless a target has gone. */
function link(
  tree: Unlinked,
  changes: readonly Change[],
  hasLost: boolean,
  base: Snapshot | undefined,
): Diagnostic[] {
  if (!base || hasLost || tree.shared !== base.shared) return linkAll(tree);
  const requires = ({ plugin }: Partial<Fragment> = {}) => JSON.stringify(plugin?.requires);
  const haveRequiresMoved = changes.some(
    ({ fragment, old }) => requires(fragment) !== requires(old),
  );
  return [
    ...linkFragments(
      tree,
      changes.map(({ fragment }) => fragment),
    ),
    ...(haveRequiresMoved ? findCycles(tree.plugins) : []),
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
    const oid = findOid(tree, path);
    const [bytes] = oid === undefined ? [] : await source.readBlobs([oid]);
    for (const one of bytes ? locate(bytes, diagnostics) : diagnostics) placed.push(one);
  }
  return placed.sort(byPosition);
}

function findOid({ plugins, shared, config }: Unlinked, path: string): string | undefined {
  const [top = '', second = ''] = path.split('/');
  const fragment = { plugins: plugins.get(second), objects: shared }[top];
  const folder = fragment ?? config.get(path.includes('/') ? top : '');
  const prefix = folder && folder.root !== '' ? `${folder.root}/` : '';
  return folder?.files.find((file) => `${prefix}${file.path}` === path)?.oid;
}
