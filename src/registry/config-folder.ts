import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { sha256Hex } from '../model/digest.ts';
import { parseDocument } from './document.ts';
import { comparePaths } from './fragment.ts';
import type { Kind } from './kinds.ts';
import { isKind, placeOf } from './path-rules.ts';
import type { ConfigDocument, ConfigFolder } from './snapshot.ts';
import type { TreeEntry, TreeSource } from './source.ts';
import { isTree } from './source.ts';
import { walkTree } from './walk.ts';

/** Compiles one top-level folder such as `channels`, reading only what the base lacks. */
export async function compileConfigFolder(
  source: TreeSource,
  root: string,
  tree: string,
  base: ConfigFolder | undefined,
): Promise<ConfigFolder> {
  const { files: found, trees, diagnostics } = await walkTree(source, root, tree, base);
  const folder: ConfigFolder = { root, tree, files: [], trees, documents: [], diagnostics };
  const documents = found.filter(({ path }) => isDocument(`${root}/${path}`, diagnostics));
  const missing = documents.filter(({ known }) => !known);
  const blobs = await source.readBlobs(missing.map(({ oid }) => oid));
  const bytesOf = new Map(missing.map((file, i) => [file.path, blobs[i]!]));
  for (const { path, mode, oid, known } of documents) {
    const bytes = bytesOf.get(path);
    if (bytes) {
      const digest = `sha256:${sha256Hex(bytes)}` as const;
      folder.files.push({ path, mode, oid, digest, size: bytes.length });
      addDocument(folder, `${root}/${path}`, oid, bytes);
    } else {
      folder.files.push(known!);
      reuse(folder, base!, `${root}/${path}`);
    }
  }
  folder.files.sort(comparePaths);
  return folder;
}

/** The root's own files: `registry.yaml`, and warnings for what nothing knows. */
export async function compileRootFiles(
  source: TreeSource,
  entries: readonly TreeEntry[],
  base: ConfigFolder | undefined,
): Promise<ConfigFolder> {
  const folder = emptyFolder('');
  for (const { name, oid, mode } of entries) {
    const path = name.toString();
    if (isTree(mode) || !isDocument(path, folder.diagnostics)) continue;
    const known = base?.files.find((file) => file.path === path && file.oid === oid);
    if (known) {
      folder.files.push(known);
      reuse(folder, base!, path);
      continue;
    }
    const bytes = (await source.readBlobs([oid]))[0]!;
    const digest = `sha256:${sha256Hex(bytes)}` as const;
    folder.files.push({ path, mode: '0644', oid, digest, size: bytes.length });
    addDocument(folder, path, oid, bytes);
  }
  return folder;
}

export const emptyFolder = (root: string): ConfigFolder => ({
  root,
  tree: '',
  files: [],
  trees: {},
  documents: [],
  diagnostics: [],
});

function isDocument(path: string, diagnostics: Diagnostic[]): boolean {
  const { role } = placeOf(path);
  if (role === 'unknown') {
    diagnostics.push(unknownPath(path));
  }
  return isKind(role);
}

export function unknownPath(path: string): Diagnostic {
  const message = 'no kind of document stands here; it is ignored';
  return { ...fileError(path, 'unknown-path', message), severity: 'warning' };
}

function addDocument(folder: ConfigFolder, path: string, oid: string, bytes: Buffer): void {
  const { spec, title, diagnostics } = parseDocument(bytes, path);
  folder.diagnostics.push(...diagnostics);
  if (spec === undefined) return;
  const { role, name, parent } = placeOf(path);
  folder.documents.push({
    path,
    oid,
    kind: role as Kind,
    name,
    ...(parent === undefined ? {} : { parent }),
    ...(title === undefined ? {} : { title }),
    spec: spec as ConfigDocument['spec'],
  });
}

function reuse(folder: ConfigFolder, base: ConfigFolder, path: string): void {
  folder.documents.push(...base.documents.filter((document) => document.path === path));
  folder.diagnostics.push(...base.diagnostics.filter((known) => known.path === path));
}
