import { contentDigest, type FileEntry, type FileMode, sha256 } from '../../src/model/digest.ts';
import { TYPE_OF_FOLDER } from '../../src/model/names.ts';
import type { ObjectContent, PluginContent } from '../../src/model/object.ts';
import { describeObject } from '../../src/registry/describe-object.ts';
import { parseDocument } from '../../src/registry/document.ts';
import type { PluginSpec } from '../../src/registry/kinds.ts';
import type { ReadBytes } from '../../src/registry/layout/rendered.ts';
import { placeOf } from '../../src/registry/path-rules.ts';

/** Registry files by path, and how rendering reads them. */
export interface Contents {
  plugins: Map<string, PluginContent>;
  read: ReadBytes;
}

export type RegistryFiles = Record<string, string | { bytes: Buffer; mode: FileMode }>;

/** What a compile makes of a plugin, without git: enough to render layouts from. */
export function pluginContents(files: RegistryFiles): Contents {
  const blobs = new Map<string, Buffer>();
  const entries = Object.entries(files).map(([path, file]): FileEntry => {
    const { bytes, mode } =
      typeof file === 'string' ? { bytes: Buffer.from(file), mode: '0644' as const } : file;
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { path, mode, digest, size: bytes.length };
  });
  const bytesOf = (entry: FileEntry): Buffer => blobs.get(entry.digest)!;
  const shared = objectsBelow('objects/', 'objects/', entries, bytesOf);
  const folders = new Set(entries.flatMap(({ path }) => /^plugins\/[^/]+\//.exec(path)?.[0] ?? []));
  const plugins = new Map<string, PluginContent>();
  for (const folder of folders) {
    const id = folder.split('/')[1]!;
    plugins.set(id, contentOf(id, folder, entries, shared, bytesOf));
  }
  return { plugins, read: async (digest) => blobs.get(digest)! };
}

function contentOf(
  id: string,
  folder: string,
  entries: FileEntry[],
  shared: ObjectContent[],
  bytesOf: (entry: FileEntry) => Buffer,
): PluginContent {
  const document = entries.find(({ path }) => path === `${folder}plugin.yaml`)!;
  const { spec, title } = parseDocument(bytesOf(document), document.path);
  const { include = [], exclude = [], ...facts } = spec as PluginSpec;
  const own = objectsBelow(folder, '', entries, bytesOf).filter((it) => !exclude.includes(it.id));
  const objects = [...own, ...shared.filter((it) => include.includes(it.id))];
  const taken = new Set(own.flatMap((object) => object.files.map(({ path }) => path)));
  const files = entries
    .filter(({ path }) => path.startsWith(folder))
    .map((entry) => ({ ...entry, path: entry.path.slice(folder.length) }))
    .filter(({ path }) => !taken.has(path));
  return {
    id,
    title: title ?? facts.title ?? id,
    policy: { mode: 'available', override: 'allow' },
    requires: {},
    tree: '0'.repeat(40),
    objects,
    files,
    shared: {},
    contentDigest: contentDigest(files),
    contentBytes: 0,
  };
}

/** `prefix` stands before the paths as delivered. */
function objectsBelow(
  folder: string,
  prefix: string,
  entries: readonly FileEntry[],
  bytesOf: (entry: FileEntry) => Buffer,
): ObjectContent[] {
  return entries.flatMap((entry) => {
    if (!entry.path.startsWith(folder)) return [];
    const { role, object, name } = placeOf(entry.path);
    if (!object || role === 'payload' || role === 'free') return [];
    const inFolder = `${entry.path.slice(0, entry.path.lastIndexOf('/'))}/`;
    const files = entries
      .filter(({ path }) =>
        object.form === 'file' ? path === entry.path : path.startsWith(inFolder),
      )
      .map((file) => ({ ...file, path: `${prefix}${file.path.slice(folder.length)}` }));
    const parsed = parseDocument(bytesOf(entry), entry.path);
    const owner = folder === 'objects/' ? 'shared' : folder.split('/')[1]!;
    const type = TYPE_OF_FOLDER.get(entry.path.slice(folder.length).split('/')[0]!)!;
    return [
      {
        ...describeObject(type, parsed, entry.path),
        id: parsed.id ?? `${owner}.${type}.${name}`,
        type,
        documentPath: `${prefix}${entry.path.slice(folder.length)}`,
        oid: '0'.repeat(40),
        files,
        digest: contentDigest(files),
      },
    ];
  });
}
