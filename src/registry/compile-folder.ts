import { posix } from 'node:path';
import { type Diagnostic, fileError, isError } from '../model/diagnostic.ts';
import { sha256Hex } from '../model/digest.ts';
import { isObjectId, isPluginId, TYPE_OF_FOLDER } from '../model/names.ts';
import { parseDocument } from './document.ts';
import {
  comparePaths,
  extentOf,
  type Fragment,
  type ObjectSummary,
  type PluginSummary,
  type SourceFile,
} from './fragment.ts';
import type { PluginSpec } from './kinds.ts';
import type { ParsePool, UnparsedObject } from './parse-pool.ts';
import { expectedKind } from './path-rules.ts';
import type { ContentSink, TreeSource } from './source.ts';
import type { DocumentSummary } from './summary.ts';
import { type FoundFile, walkTree } from './walk.ts';

const MIB = 1024 * 1024;
const MAX_PAYLOAD_BYTES = 5 * MIB;
const MAX_FOLDER_BYTES = 64 * MIB;
/** Blobs are read in groups of about this many files, so that memory stays bounded. */
const READ_GROUP = 256;

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
  /** The base's objects were the folder's own only when none of its documents moved. */
  base: Fragment | undefined;
}

/**
 * Step 1: lists the folder and reads its new blobs. Parsing is apart, so that a
 * cold compile can hand all folders' documents to the workers together.
 *
 * @param root `plugins/<id>` or `objects`
 */
export async function openFolder(
  source: TreeSource,
  root: string,
  tree: string,
  base: Fragment | undefined,
  sink: ContentSink,
): Promise<OpenFolder> {
  const { files: found, trees, diagnostics } = await walkTree(source, root, tree, base);
  const fragment: Fragment = { root, tree, files: [], trees, objects: [], diagnostics };
  const open: OpenFolder = { fragment, unparsed: [], reused: [], base };
  const baseObjects = new Map(base?.objects.map((object) => [object.documentPath, object]));
  for (let i = 0; i < found.length; i += READ_GROUP) {
    await readGroup(source, found.slice(i, i + READ_GROUP), open, baseObjects, sink);
  }
  fragment.files.sort(comparePaths);
  checkSizes(fragment);
  if (root !== 'objects') checkPluginFolder(open);
  return open;
}

async function readGroup(
  source: TreeSource,
  found: readonly FoundFile[],
  open: OpenFolder,
  baseObjects: ReadonlyMap<string, ObjectSummary>,
  sink: ContentSink,
): Promise<void> {
  const { fragment } = open;
  const missing = found.filter(({ known }) => known === undefined);
  const blobs = await source.readBlobs(missing.map(({ oid }) => oid));
  const bytesOf = new Map(missing.map((file, i) => [file, blobs[i]!]));
  for (const file of found) {
    const bytes = bytesOf.get(file);
    fragment.files.push(
      bytes ? await store(file, bytes, sink) : { ...file.known!, mode: file.mode },
    );
    const path = `${fragment.root}/${file.path}`;
    const type = documentType(file.path, path, fragment.diagnostics);
    if (type === undefined) {
      if (bytes && file.path === 'plugin.yaml') readPlugin(fragment, bytes, path);
      continue;
    }
    const known = baseObjects.get(file.path);
    if (known && known.documentOid === file.oid) open.reused.push(known);
    else {
      const text = bytes ?? (await source.readBlobs([file.oid]))[0]!;
      open.unparsed.push({ type, path, documentPath: file.path, oid: file.oid, bytes: text });
    }
  }
  const reusedPlugin = found.find(({ path, known }) => path === 'plugin.yaml' && known);
  if (reusedPlugin && open.base?.plugin) fragment.plugin = open.base.plugin;
}

async function store(file: FoundFile, bytes: Buffer, sink: ContentSink): Promise<SourceFile> {
  const hex = sha256Hex(bytes);
  await sink.add(hex, bytes);
  const { path, mode, oid } = file;
  return { path, mode, digest: `sha256:${hex}`, size: bytes.length, oid };
}

/** The object type of a path that is an object's document. */
function documentType(relative: string, path: string, diagnostics: Diagnostic[]) {
  const role = expectedKind(path);
  if (role === 'unknown') {
    diagnostics.push({
      ...fileError(path, 'unknown-path', 'no kind of document stands here; the file is ignored'),
      severity: 'warning',
    });
    return undefined;
  }
  if (role === 'payload' || role === 'free' || relative === 'plugin.yaml') return undefined;
  return TYPE_OF_FOLDER.get(relative.split('/')[0]!);
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

function checkPluginFolder({ fragment }: OpenFolder): void {
  const id = fragment.root.split('/')[1]!;
  if (!isPluginId(id)) {
    const hint = 'lower-case letters, digits and single hyphens, at most 63';
    fragment.diagnostics.push(
      fileError(fragment.root, 'bad-plugin-id', `${id} is no plugin id`, hint),
    );
  }
  const hasDocument = fragment.files.some(({ path }) => path === 'plugin.yaml');
  if (!hasDocument) {
    const path = `${fragment.root}/plugin.yaml`;
    const hint = 'every folder of plugins/ describes its plugin there';
    fragment.diagnostics.push(fileError(path, 'missing-plugin', 'plugin.yaml is missing', hint));
  }
}

function checkSizes({ root, files, diagnostics }: Fragment): void {
  let total = 0;
  for (const { path, size } of files) {
    total += size;
    if (size > MAX_PAYLOAD_BYTES) {
      const message = `${size} bytes are over the limit of 5 MiB a file`;
      diagnostics.push(fileError(`${root}/${path}`, 'file-too-large', message));
    }
  }
  if (root !== 'objects' && total > MAX_FOLDER_BYTES) {
    const message = `${total} bytes are over the limit of 64 MiB a plugin`;
    diagnostics.push(fileError(root, 'plugin-too-large', message));
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
  { fragment, unparsed, reused, base }: OpenFolder,
  summaries: DocumentSummary[],
) {
  const objects = reused.map((object) => ({ ...object, oid: oidOf(fragment, object) }));
  const kept = new Set(reused.map(({ documentPath }) => `${fragment.root}/${documentPath}`));
  fragment.diagnostics.push(...(base?.diagnostics ?? []).filter(({ path }) => kept.has(path)));
  if (fragment.plugin !== undefined && fragment.plugin === base?.plugin) {
    const path = `${fragment.root}/plugin.yaml`;
    fragment.diagnostics.push(...base.diagnostics.filter((known) => known.path === path));
  }
  for (const [i, { type, path, documentPath, oid }] of unparsed.entries()) {
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
  checkPayload(fragment);
  fragment.diagnostics = unique(fragment.diagnostics);
}

const oidOf = (fragment: Fragment, { documentPath, documentOid }: ObjectSummary): string => {
  const { prefix, isFolder } = extentOf(documentPath);
  return isFolder ? fragment.trees[prefix.slice(0, -1)]! : documentOid;
};

/** `plugins/sales/skills/x.yaml` → `sales.skill.x`; under `objects/` the first part is `objects`. */
export function defaultId(root: string, type: string, documentPath: string): string {
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

function checkPayload(fragment: Fragment): void {
  const paths = new Set(fragment.files.map(({ path }) => path));
  for (const { documentPath, payloadRefs } of fragment.objects) {
    const { prefix, isFolder } = extentOf(documentPath);
    for (const { pointer, path } of payloadRefs) {
      const target = posix.normalize(posix.join(posix.dirname(documentPath), path));
      if (isFolder && target.startsWith(prefix) && paths.has(target)) continue;
      const message = isFolder
        ? `${path} is no file of this object's folder`
        : `${path} needs the folder form: a one-file object has no payload`;
      fragment.diagnostics.push({
        ...fileError(`${fragment.root}/${documentPath}`, 'missing-payload', message),
        pointer,
      });
    }
  }
}

/** A reused document's findings may also come from its base: each is said once. */
function unique(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(diagnostics.map((one) => [JSON.stringify(one), one])).values()];
}

export const hasErrors = (fragment: Fragment): boolean => fragment.diagnostics.some(isError);
