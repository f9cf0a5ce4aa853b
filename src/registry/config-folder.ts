import { parseDocument } from './document.ts';
import { comparePaths } from './fragment.ts';
import type { Kind } from './kinds.ts';
import { isKind, placeOf } from './path-rules.ts';
import type { ConfigDocument, ConfigFolder } from './snapshot.ts';
import { isTree, type TreeEntry } from './source.ts';
import type { TreeReader, WantedBlob } from './tree-reader.ts';
import { unknownPath } from './unknown-path.ts';
import { type FoundFile, walkTree } from './walk.ts';

/** Compiles one top-level folder such as `channels`, reading only what the base lacks. */
export async function compileConfigFolder(
  reader: TreeReader,
  root: string,
  tree: string,
  base: ConfigFolder | undefined,
): Promise<ConfigFolder> {
  const { files, trees, entries, diagnostics } = await walkTree(reader, root, tree, base);
  const folder: ConfigFolder = { ...emptyFolder(root), tree, trees, entries, diagnostics };
  await addFiles(reader, folder, files, base);
  return folder;
}

/** The root's own files: `registry.yaml`, and warnings for what nothing knows. */
export async function compileRootFiles(
  reader: TreeReader,
  entries: readonly TreeEntry[],
  base: ConfigFolder | undefined,
): Promise<ConfigFolder> {
  const folder = emptyFolder('');
  const known = new Map(base?.files.map((file) => [`${file.path}\0${file.oid}`, file]));
  const files = entries.flatMap(({ name, oid, mode }): FoundFile[] => {
    if (isTree(mode)) return [];
    const path = name.toString();
    const same = known.get(`${path}\0${oid}`);
    const found = { path, oid, mode: mode === '100755' ? '0755' : '0644' } as const;
    return [same ? { ...found, known: same } : found];
  });
  await addFiles(reader, folder, files, base);
  return folder;
}

/**
 * A folder that holds no documents, such as `docs`: what may not stand in a
 * registry may not stand there either, since it is cloned with the rest.
 */
export async function checkOtherFolder(
  reader: TreeReader,
  root: string,
  tree: string,
): Promise<ConfigFolder> {
  const { entries, diagnostics } = await walkTree(reader, root, tree, undefined);
  const isUnknown = placeOf(`${root}/x`).role === 'unknown';
  return {
    ...emptyFolder(root),
    tree,
    entries,
    diagnostics: isUnknown ? [...diagnostics, unknownPath(root)] : diagnostics,
  };
}

const emptyFolder = (root: string): ConfigFolder => ({
  root,
  tree: '',
  files: [],
  trees: {},
  entries: 0,
  documents: [],
  diagnostics: [],
});

async function addFiles(
  reader: TreeReader,
  folder: ConfigFolder,
  found: readonly FoundFile[],
  base: ConfigFolder | undefined,
): Promise<void> {
  const baseDocuments = new Map(base?.documents.map((document) => [document.path, document]));
  const documents = found.filter(({ path }) => {
    const at = pathIn(folder, path);
    const { role } = placeOf(at);
    if (role === 'unknown') folder.diagnostics.push(unknownPath(at));
    return isKind(role);
  });
  const wanted = documents.flatMap(({ path: relative, oid, known }): WantedBlob[] => {
    const path = pathIn(folder, relative);
    if (!known) return [{ oid, path, use: (bytes) => addDocument(folder, path, oid, bytes) }];
    const same = baseDocuments.get(path);
    if (same) folder.documents.push(same);
    return [];
  });
  await reader.readContents(wanted, folder.diagnostics);
  for (const { path, mode, oid, known } of documents) {
    const content = known ?? reader.contentOf(oid);
    if (!content) continue; // said already: it was too large to be read
    folder.files.push({ path, mode, oid, digest: content.digest, size: content.size });
  }
  folder.files.sort(comparePaths);
  folder.documents.sort(comparePaths);
}

const pathIn = ({ root }: ConfigFolder, path: string): string =>
  root === '' ? path : `${root}/${path}`;

function addDocument(folder: ConfigFolder, path: string, oid: string, bytes: Buffer): void {
  const { spec, metadata, diagnostics } = parseDocument(bytes, path);
  folder.diagnostics.push(...diagnostics);
  if (spec === undefined) return;
  const { role, name, parent } = placeOf(path);
  folder.documents.push({
    path,
    oid,
    kind: role as Kind,
    name,
    ...(parent === undefined ? {} : { parent }),
    ...(metadata === undefined ? {} : { metadata }),
    spec: spec as ConfigDocument['spec'],
  });
}
