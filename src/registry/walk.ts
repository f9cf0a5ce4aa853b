import type { Diagnostic } from '../model/diagnostic.ts';
import { fileError } from '../model/diagnostic.ts';
import type { Fragment, SourceFile } from './fragment.ts';
import { isTree, type TreeSource } from './source.ts';
import { checkSiblings, checkTreeEntry } from './tree-rules.ts';

/** A file that was found in a tree; `known` when the base already knows its content. */
export interface FoundFile {
  path: string;
  mode: '0644' | '0755';
  oid: string;
  known?: SourceFile;
}

export interface Walk {
  files: FoundFile[];
  trees: Record<string, string>;
  diagnostics: Diagnostic[];
}

/** A tree of a few bytes can unpack to billions of entries: counted while walking. */
const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 32;

/**
 * Lists a folder's files. A subtree that the base holds at the same path is
 * taken from there and not read.
 *
 * @param root the folder's path from the registry's root, for diagnostics
 */
export async function walkTree(
  source: TreeSource,
  root: string,
  tree: string,
  base?: Pick<Fragment, 'files' | 'trees'>,
): Promise<Walk> {
  const walk: Walk = { files: [], trees: {}, diagnostics: [] };
  const knownByOid = new Map(
    (base?.files ?? []).map((file) => [`${file.path}\0${file.oid}`, file]),
  );
  await visit('', tree, 0);
  return walk;

  async function visit(dir: string, oid: string, depth: number): Promise<void> {
    if (dir !== '') walk.trees[dir] = oid;
    if (base && dir !== '' && base.trees[dir] === oid) return reuse(dir);
    const at = [root, dir].filter(Boolean).join('/');
    if (depth > MAX_DEPTH) {
      walk.diagnostics.push(fileError(at, 'too-deep', `folders nest deeper than ${MAX_DEPTH}`));
      return;
    }
    const entries = await source.readTree(oid);
    if (walk.files.length + entries.length > MAX_ENTRIES) {
      const message = `the tree unpacks to more than ${MAX_ENTRIES} files`;
      if (!walk.diagnostics.some(({ code }) => code === 'too-many-files')) {
        walk.diagnostics.push(fileError(root || '.', 'too-many-files', message));
      }
      return;
    }
    walk.diagnostics.push(
      ...checkSiblings(
        at,
        entries.map(({ name }) => name.toString()),
      ),
    );
    for (const { mode, name, oid: child } of entries) {
      const bad = checkTreeEntry(at, name, mode);
      walk.diagnostics.push(...bad);
      if (bad.some(({ severity }) => severity === 'error')) continue;
      const path = dir === '' ? name.toString() : `${dir}/${name.toString()}`;
      if (isTree(mode)) await visit(path, child, depth + 1);
      else addFile(path, mode === '100755' ? '0755' : '0644', child);
    }
  }

  function addFile(path: string, mode: '0644' | '0755', oid: string): void {
    const known = knownByOid.get(`${path}\0${oid}`);
    walk.files.push({ path, mode, oid, ...(known ? { known } : {}) });
  }

  function reuse(dir: string): void {
    const prefix = `${dir}/`;
    for (const file of base?.files ?? []) {
      if (file.path.startsWith(prefix)) {
        walk.files.push({ path: file.path, mode: file.mode, oid: file.oid, known: file });
      }
    }
    for (const [path, oid] of Object.entries(base?.trees ?? {})) {
      if (path.startsWith(prefix)) walk.trees[path] = oid;
    }
  }
}
