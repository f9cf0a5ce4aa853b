import type { Diagnostic } from '../model/diagnostic.ts';
import type { FileEntry } from '../model/digest.ts';
import type { ObjectType } from '../model/names.ts';
import type { ObjectInput } from '../model/object.ts';
import type { IntegrationTypeManifest, JsonSchema } from './server-manifest/manifest.ts';

/** A file as git holds it. `path` is relative to the fragment's folder. */
export interface SourceFile extends FileEntry {
  oid: string;
}

/** What one object's document says, without its text. A folder's `oid` is its tree's. */
export interface ObjectSummary {
  id: string;
  type: ObjectType;
  title: string;
  description?: string;
  /** Relative to the fragment's folder. */
  documentPath: string;
  documentOid: string;
  oid: string;
  requires: string[];
  inputs: ObjectInput[];
  targets: Record<string, string>;
  /** Payload files that the document names: `/spec/bodyFrom` → `./SKILL.md`. */
  payloadRefs: { pointer: string; path: string }[];
}

/**
 * All that one folder (`plugins/<id>`, or `objects`) compiles to without
 * looking at any other. It depends on the folder's tree and path alone, so any
 * commit that holds the same tree shares it.
 */
export interface Fragment {
  /** From the registry's root, such as `plugins/sales`. */
  root: string;
  tree: string;
  /** Sorted by path bytes. */
  files: SourceFile[];
  /** Folder below the root → tree oid. */
  trees: Record<string, string>;
  /** Files and folders. */
  entries: number;
  /** plugin.yaml's spec, with `title`; undefined in `objects`. */
  plugin?: PluginSummary;
  /** Of `server/`, where it has a sound `plugin.json`. */
  server?: ServerPartSummary;
  objects: ObjectSummary[];
  diagnostics: Diagnostic[];
}

/** What `plugin.json` says that the rest of a registry depends on. */
export interface ServerPartSummary {
  /** The script's name. */
  entry: string;
  version?: string;
  configSchema?: JsonSchema;
  integrationTypes: readonly IntegrationTypeManifest[];
}

export interface PluginSummary {
  title: string;
  description?: string;
  version?: string;
  policy: { mode: 'available' | 'default' | 'required'; override: 'allow' | 'patch-only' | 'deny' };
  requires: Record<string, string>;
  include: string[];
  exclude: string[];
}

/** The folder of an object in folder form, with its `/`; a one-file object's own path. */
export function extentOf(documentPath: string): { prefix: string; isFolder: boolean } {
  const parts = documentPath.split('/');
  const isFolder = parts.length > 2;
  return { prefix: isFolder ? `${parts.slice(0, 2).join('/')}/` : documentPath, isFolder };
}

/** The fragment's files that make up one object. */
export function filesOfObject(fragment: Fragment, object: ObjectSummary): SourceFile[] {
  const { prefix, isFolder } = extentOf(object.documentPath);
  return fragment.files.filter(({ path }) =>
    isFolder ? path.startsWith(prefix) : path === prefix,
  );
}

export const comparePaths = (a: { path: string }, b: { path: string }): number =>
  a.path === b.path ? 0 : Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
