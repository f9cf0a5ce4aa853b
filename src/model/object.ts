import type { Digest, FileEntry } from './digest.ts';
import type { ObjectType } from './names.ts';

/** What an installer must ask for before the object works. */
export interface ObjectInput {
  name: string;
  description?: string;
  secret?: boolean;
  required?: boolean;
  default?: string;
}

/**
 * One config object of a compiled plugin. Immutable; depends on the object's
 * own bytes and path only, so it is shared by every commit that holds them.
 */
export interface ObjectContent {
  id: string;
  type: ObjectType;
  title: string;
  description?: string;
  /** Relative to the plugin's folder (`skills/x.yaml`), or `objects/…` for a shared object. */
  documentPath: string;
  /** Blob oid of a one-file object, tree oid of a folder. */
  oid: string;
  /** Paths as delivered in the raw layout, sorted by bytes. */
  files: readonly FileEntry[];
  digest: Digest;
  requires: readonly string[];
  inputs: readonly ObjectInput[];
  /** Client tool → `native`, `translated` or `unsupported: <why>`. */
  targets: Readonly<Record<string, string>>;
}

export interface PluginPolicy {
  mode: 'available' | 'default' | 'required';
  override: 'allow' | 'patch-only' | 'deny';
}

/** A plugin's delivered content at one commit: everything that `contentDigest` identifies. */
export interface PluginContent {
  id: string;
  title: string;
  description?: string;
  /** plugin.yaml's `spec.version`: the version its first release would take. */
  declaredVersion?: string;
  policy: PluginPolicy;
  /** Plugin id → semver range. */
  requires: Readonly<Record<string, string>>;
  /** The oid of the plugin's folder. */
  tree: string;
  objects: readonly ObjectContent[];
  /** Files that belong to no object: plugin.yaml, README, licences, excluded objects. */
  files: readonly FileEntry[];
  /** Path under `objects/` → oid, for each included shared object. */
  shared: Readonly<Record<string, string>>;
  contentDigest: Digest;
  serverTree?: string;
  serverDigest?: Digest;
  /** What `plugin.json` says that it is; a release must be of that version. */
  serverVersion?: string;
  /** Sum of all delivered files' sizes. */
  contentBytes: number;
}

/** All delivered files, objects' and plugin's own, sorted by path bytes. */
export function filesOf(content: PluginContent): FileEntry[] {
  const files = [...content.files, ...content.objects.flatMap((object) => object.files)];
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
