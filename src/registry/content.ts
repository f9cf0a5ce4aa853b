import { contentDigest } from '../model/digest.ts';
import type { ObjectContent, PluginContent } from '../model/object.ts';
import {
  comparePaths,
  extentOf,
  type Fragment,
  filesOfObject,
  type ObjectSummary,
  type SourceFile,
} from './fragment.ts';
import { SERVER } from './server-part.ts';

/** What clients of a plugin get: its own folder less `server/`, and the shared objects it includes. */
export function pluginContent(id: string, fragment: Fragment, shared?: Fragment): PluginContent {
  const plugin = fragment.plugin!;
  const excluded = new Set(plugin.exclude);
  const included = new Set(plugin.include);
  const files = fragment.files.filter(({ path }) => !path.startsWith(SERVER));
  const server = fragment.files.filter(({ path }) => path.startsWith(SERVER));
  const own = objectsOf(fragment, files).filter((object) => !excluded.has(object.id));
  const sharedObjects = (shared?.objects ?? [])
    .filter((object) => included.has(object.id) && !excluded.has(object.id))
    .map((object) => sharedObject(shared!, object));
  const objects = [...own, ...sharedObjects];
  const inObjects = new Set(own.flatMap((object) => object.files.map(({ path }) => path)));
  const sharedFiles = sharedObjects.flatMap((object) => object.files);
  const all = [...files, ...sharedFiles];
  return {
    id,
    title: plugin.title,
    ...(plugin.description === undefined ? {} : { description: plugin.description }),
    ...(plugin.version === undefined ? {} : { declaredVersion: plugin.version }),
    policy: plugin.policy,
    requires: plugin.requires,
    tree: fragment.tree,
    objects,
    files: files.filter(({ path }) => !inObjects.has(path)),
    shared: Object.fromEntries(sharedObjects.map((object) => [extentPath(object), object.oid])),
    contentDigest: contentDigest(all),
    ...(server.length === 0 ? {} : serverPart(fragment, server)),
    contentBytes: all.reduce((sum, { size }) => sum + size, 0),
  };
}

/** `objects/skills/x.yaml`, or `objects/skills/x` for a folder: what `oid` is the oid of. */
function extentPath({ documentPath }: ObjectContent): string {
  const { prefix, isFolder } = extentOf(documentPath.slice('objects/'.length));
  return `objects/${isFolder ? prefix.slice(0, -1) : prefix}`;
}

function serverPart({ trees, server: part }: Fragment, server: readonly SourceFile[]) {
  return {
    ...(part?.version === undefined ? {} : { serverVersion: part.version }),
    serverTree: trees['server']!,
    serverDigest: contentDigest(
      server.map((file) => ({ ...file, path: file.path.slice(SERVER.length) })),
    ),
  };
}

/** One pass over the sorted files, since a plugin may hold thousands of objects. */
function objectsOf(fragment: Fragment, files: readonly SourceFile[]): ObjectContent[] {
  const byExtent = new Map<string, SourceFile[]>();
  for (const file of files) {
    const parts = file.path.split('/');
    const key = parts.length > 2 ? `${parts[0]}/${parts[1]}/` : file.path;
    const group = byExtent.get(key);
    if (group) group.push(file);
    else byExtent.set(key, [file]);
  }
  return fragment.objects.map((object) =>
    objectContent(object, byExtent.get(extentOf(object.documentPath).prefix) ?? []),
  );
}

function sharedObject(shared: Fragment, object: ObjectSummary): ObjectContent {
  const files = filesOfObject(shared, object).map((file) => ({
    ...file,
    path: `objects/${file.path}`,
  }));
  const summary = { ...object, documentPath: `objects/${object.documentPath}` };
  return objectContent(summary, files.sort(comparePaths));
}

function objectContent(summary: ObjectSummary, files: readonly SourceFile[]): ObjectContent {
  const { id, type, title, description, documentPath, oid, requires, inputs, targets } = summary;
  return {
    id,
    type,
    title,
    ...(description === undefined ? {} : { description }),
    documentPath,
    oid,
    files,
    digest: contentDigest(files),
    requires,
    inputs,
    targets,
  };
}
