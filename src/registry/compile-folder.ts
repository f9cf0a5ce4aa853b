import { posix } from 'node:path';
import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { isObjectId, isPluginId } from '../model/names.ts';
import { parseDocument } from './document.ts';
import {
  comparePaths,
  extentOf,
  type Fragment,
  type ObjectSummary,
  type PluginSummary,
} from './fragment.ts';
import type { PluginSpec } from './kinds.ts';
import type { ParsePool, UnparsedObject } from './parse-pool.ts';
import { isKind, placeOf } from './path-rules.ts';
import { checkServerFiles, MANIFEST, readServerPart } from './server-part.ts';
import type { DocumentSummary } from './summary.ts';
import type { TreeReader, WantedBlob } from './tree-reader.ts';
import { foldCase } from './tree-rules.ts';
import { unknownPath } from './unknown-path.ts';
import { type FoundFile, walkTree } from './walk.ts';

const MAX_PLUGIN_BYTES = 64 * 1024 * 1024;

/** A document that still has to be parsed, and where its summary goes. */
interface Unparsed extends UnparsedObject {
  documentPath: string;
  oid: string;
}

/** A folder whose files are known and whose new documents are read but not parsed. */
export interface OpenFolder {
  fragment: Fragment;
  unparsed: Unparsed[];
  reused: ObjectSummary[];
  /** Of all files, those that are too large to be read too. */
  paths: ReadonlySet<string>;
}

/**
 * Step 1: lists the folder and reads its new blobs. Parsing is apart, so that a
 * cold compile can hand all folders' documents to the workers together.
 *
 * @param root `plugins/<id>` or `objects`
 */
export async function openFolder(
  reader: TreeReader,
  root: string,
  tree: string,
  base: Fragment | undefined,
): Promise<OpenFolder> {
  const { files: found, trees, entries, diagnostics } = await walkTree(reader, root, tree, base);
  const fragment: Fragment = { root, tree, files: [], trees, entries, objects: [], diagnostics };
  const open: OpenFolder = {
    fragment,
    unparsed: [],
    reused: [],
    paths: new Set(found.map(({ path }) => path)),
  };
  const wanted = sortOut(open, found, base);
  await readFiles(reader, open, found, wanted);
  if (root !== 'objects') {
    checkPluginFolder(open);
    checkServerFiles(fragment, open.paths);
  }
  return open;
}

/** What becomes of each file: taken over, read for its digest, or read to be parsed. */
function sortOut(
  { fragment, unparsed, reused }: OpenFolder,
  found: readonly FoundFile[],
  base: Fragment | undefined,
): WantedBlob[] {
  const baseObjects = new Map(base?.objects.map((object) => [object.documentPath, object]));
  return found.flatMap(({ path: documentPath, oid, known }) => {
    const path = `${fragment.root}/${documentPath}`;
    const { role, object } = placeOf(path);
    if (role === 'unknown') fragment.diagnostics.push(unknownPath(path));
    const same = known && baseObjects.get(documentPath);
    if (same) reused.push(same);
    if (known && role === 'Plugin' && base?.plugin) fragment.plugin = base.plugin;
    if (known && documentPath === MANIFEST && base?.server) fragment.server = base.server;
    if (known) return [];
    if (role === 'Plugin')
      return [{ oid, path, use: (bytes) => readPlugin(fragment, bytes, path) }];
    if (documentPath === MANIFEST && fragment.root !== 'objects')
      return [{ oid, path, use: (bytes) => readServerPart(fragment, bytes) }];
    if (!isKind(role) || !object) return [{ oid, path }];
    const { type } = object;
    const use = (bytes: Buffer) => unparsed.push({ type, path, documentPath, oid, bytes });
    return [{ oid, path, use }];
  });
}

async function readFiles(
  reader: TreeReader,
  { fragment }: OpenFolder,
  found: readonly FoundFile[],
  wanted: readonly WantedBlob[],
): Promise<void> {
  const { root, diagnostics } = fragment;
  const isPlugin = root !== 'objects';
  const knownBytes = found.reduce((sum, { known }) => sum + (known?.size ?? 0), 0);
  const limitBytes = isPlugin ? MAX_PLUGIN_BYTES - knownBytes : Number.POSITIVE_INFINITY;
  const readBytes = await reader.readContents(wanted, diagnostics, limitBytes);
  if (readBytes > limitBytes) {
    const message = `${knownBytes + readBytes} bytes are over the limit of 64 MiB a plugin`;
    diagnostics.push(fileError(root, 'plugin-too-large', message));
  }
  for (const { path, mode, oid, known } of found) {
    const content = known ?? reader.contentOf(oid);
    if (!content) continue; // said already: it was too large to be read
    const { digest, size } = content;
    fragment.files.push({ path, mode, digest, size, oid });
  }
  fragment.files.sort(comparePaths);
}

function readPlugin(fragment: Fragment, bytes: Buffer, path: string): void {
  const document = parseDocument(bytes, path);
  fragment.diagnostics.push(...document.diagnostics);
  if (document.spec === undefined) return;
  const spec = document.spec as PluginSpec;
  const title =
    (spec as { title?: string }).title ?? document.title ?? fragment.root.split('/')[1]!;
  fragment.plugin = summarisePlugin(title, spec);
}

function summarisePlugin(title: string, spec: PluginSpec): PluginSummary {
  const { description, version, policy, requires, include, exclude } = spec as Partial<PluginSpec>;
  return {
    title,
    ...(description === undefined ? {} : { description }),
    ...(version === undefined ? {} : { version }),
    policy: { mode: policy?.mode ?? 'available', override: policy?.override ?? 'allow' },
    requires: { ...requires },
    include: [...(include ?? [])],
    exclude: [...(exclude ?? [])],
  };
}

/** Where a bundle puts shared objects. */
const RESERVED = 'objects';

function checkPluginFolder({ fragment, paths }: OpenFolder): void {
  const id = fragment.root.split('/')[1]!;
  if (!isPluginId(id)) {
    const hint = 'lower-case letters, digits and single hyphens, at most 63';
    fragment.diagnostics.push(
      fileError(fragment.root, 'bad-plugin-id', `${id} is no plugin id`, hint),
    );
  }
  for (const name of [...Object.keys(fragment.trees), ...paths]) {
    if (name.includes('/') || foldCase(name) !== RESERVED) continue;
    const hint = 'a bundle has shared objects there: choose another name';
    const at = `${fragment.root}/${name}`;
    fragment.diagnostics.push(fileError(at, 'reserved-folder', `${RESERVED}/ is reserved`, hint));
  }
  if (!paths.has('plugin.yaml') && !paths.has('plugin.yml')) {
    const path = `${fragment.root}/plugin.yaml`;
    const hint = 'every folder of plugins/ describes its plugin there';
    fragment.diagnostics.push(fileError(path, 'missing-plugin', 'plugin.yaml is missing', hint));
  }
}

/** Step 2: parses what is new in all the folders, on every core when it is much. */
export async function closeFolders(pool: ParsePool, folders: readonly OpenFolder[]): Promise<void> {
  const unparsed = folders.flatMap((folder) => folder.unparsed);
  const summaries = await pool.summarise(unparsed);
  let next = 0;
  for (const folder of folders) {
    closeFolder(folder, summaries.slice(next, next + folder.unparsed.length));
    next += folder.unparsed.length;
  }
}

function closeFolder(
  { fragment, unparsed, reused, paths }: OpenFolder,
  summaries: DocumentSummary[],
): void {
  const objects = reused.map((object) => ({ ...object, oid: oidOf(fragment, object) }));
  for (const [i, { type, documentPath, oid }] of unparsed.entries()) {
    const { id, description, payloadRefs, diagnostics } = summaries[i]!;
    fragment.diagnostics.push(...diagnostics);
    if (!description) continue;
    const summary: ObjectSummary = {
      id: id ?? defaultId(fragment.root, type, documentPath),
      type,
      ...description,
      documentPath,
      documentOid: oid,
      oid: '',
      payloadRefs,
    };
    objects.push({ ...summary, oid: oidOf(fragment, summary) });
    checkId(fragment, summary, id !== undefined);
  }
  fragment.objects = objects.sort((a, b) => (a.documentPath < b.documentPath ? -1 : 1));
  checkPayload(fragment, paths);
  fragment.diagnostics = unique(fragment.diagnostics);
}

const oidOf = (fragment: Fragment, { documentPath, documentOid }: ObjectSummary): string => {
  const { prefix, isFolder } = extentOf(documentPath);
  return isFolder ? fragment.trees[prefix.slice(0, -1)]! : documentOid;
};

/** `plugins/sales/skills/x.yaml` → `sales.skill.x`; under `objects/` the first part is `objects`. */
function defaultId(root: string, type: string, documentPath: string): string {
  const owner = root === 'objects' ? 'objects' : root.split('/')[1]!;
  const name = documentPath.split('/')[1]!.replace(/\.yaml$/, '');
  return `${owner}.${type}.${name}`;
}

function checkId(fragment: Fragment, { id, documentPath }: ObjectSummary, given: boolean): void {
  if (given || isObjectId(id)) return;
  const path = `${fragment.root}/${documentPath}`;
  const hint = 'give metadata.id, or a name of lower-case letters, digits, dots and hyphens';
  fragment.diagnostics.push(fileError(path, 'bad-id', `${id}, made from the path, is no id`, hint));
}

function checkPayload(fragment: Fragment, paths: ReadonlySet<string>): void {
  for (const { documentPath, payloadRefs } of fragment.objects) {
    const { prefix, isFolder } = extentOf(documentPath);
    for (const { pointer, path } of payloadRefs) {
      const target = posix.normalize(posix.join(posix.dirname(documentPath), path));
      if (isFolder && target.startsWith(prefix) && paths.has(target)) continue;
      const message = `${path} is no file of this object's folder`;
      fragment.diagnostics.push({
        ...fileError(`${fragment.root}/${documentPath}`, 'missing-payload', message),
        pointer,
      });
    }
  }
}

/** What was said of a folder that did not change is said again of its files: once is enough. */
function unique(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(diagnostics.map((one) => [JSON.stringify(one), one])).values()];
}
