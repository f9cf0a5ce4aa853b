import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import type { FileMode } from '../model/digest.ts';
import type { Fragment, SourceFile } from './fragment.ts';
import { isTree } from './source.ts';
import type { TreeReader } from './tree-reader.ts';

/** A file that was found in a tree; `known` when the base already knows its content. */
export interface FoundFile {
  path: string;
  mode: FileMode;
  oid: string;
  known?: SourceFile;
}

export interface Walk {
  files: FoundFile[];
  /** Folder below the walked one → tree oid. */
  trees: Record<string, string>;
  /** Files and folders. */
  entries: number;
  diagnostics: Diagnostic[];
}

/** What a walk may take over from an earlier one of the same folder. */
type WalkBase = Pick<Fragment, 'files' | 'trees' | 'diagnostics'>;

const MAX_DEPTH = 32;

/**
 * Lists a folder's files. A subtree that the base holds at the same path is
 * taken from there and not read.
 *
 * @param root the folder's path from the registry's root, for diagnostics
 */
export async function walkTree(
  reader: TreeReader,
  root: string,
  tree: string,
  base: WalkBase | undefined,
): Promise<Walk> {
  const walk: Walk = { files: [], trees: {}, entries: 0, diagnostics: [] };
  const known = new Map(base?.files.map((file) => [`${file.path}\0${file.oid}`, file]));
  let below: BelowFolder | undefined;
  await visit('', tree, 0);
  return walk;

  async function visit(dir: string, oid: string, depth: number): Promise<void> {
    if (dir !== '') walk.trees[dir] = oid;
    if (base && dir !== '' && base.trees[dir] === oid) {
      below ??= belowFolders(root, base);
      return takeOver(below, dir);
    }
    const at = dir === '' ? root : `${root}/${dir}`;
    if (depth > MAX_DEPTH) {
      walk.diagnostics.push(fileError(at, 'too-deep', `folders nest deeper than ${MAX_DEPTH}`));
      return;
    }
    const entries = await reader.readFolder(at, oid, walk.diagnostics);
    walk.entries += entries.length;
    for (const { mode, name, oid: child } of entries) {
      const path = dir === '' ? name.toString() : `${dir}/${name.toString()}`;
      if (isTree(mode)) await visit(path, child, depth + 1);
      else addFile(path, mode === '100755' ? '0755' : '0644', child);
    }
  }

  function addFile(path: string, mode: FileMode, oid: string): void {
    const same = known.get(`${path}\0${oid}`);
    walk.files.push({ path, mode, oid, ...(same ? { known: same } : {}) });
  }

  function takeOver({ files, trees, diagnostics }: BelowFolder, dir: string): void {
    const kept = files.get(dir) ?? [];
    const folders = trees.get(dir) ?? [];
    walk.entries += kept.length + folders.length;
    if (!reader.count(kept.length + folders.length)) return;
    for (const file of kept) {
      walk.files.push({ path: file.path, mode: file.mode, oid: file.oid, known: file });
    }
    for (const [path, oid] of folders) walk.trees[path] = oid;
    for (const one of diagnostics.get(dir) ?? []) walk.diagnostics.push(one);
  }
}

/** Of every folder, however deep, all that is below it. */
interface BelowFolder {
  files: ReadonlyMap<string, SourceFile[]>;
  trees: ReadonlyMap<string, [path: string, oid: string][]>;
  diagnostics: ReadonlyMap<string, Diagnostic[]>;
}

const belowFolders = (root: string, { files, trees, diagnostics }: WalkBase): BelowFolder => ({
  files: groupByFolder(files, ({ path }) => path),
  trees: groupByFolder(Object.entries(trees), ([path]) => path),
  diagnostics: groupByFolder(diagnostics, ({ path }) => path.slice(root.length + 1)),
});

function groupByFolder<T>(items: readonly T[], pathOf: (item: T) => string): Map<string, T[]> {
  const folders = new Map<string, T[]>();
  for (const item of items) {
    const path = pathOf(item);
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const dir = path.slice(0, at);
      const below = folders.get(dir);
      if (below) below.push(item);
      else folders.set(dir, [item]);
    }
  }
  return folders;
}
