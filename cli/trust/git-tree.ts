import { createHash } from 'node:crypto';
import type { FileMode } from '../../src/model/digest.ts';

/** A file, or a subtree that is known by its oid alone. */
export type TreeLeaf = { path: string; oid: string; mode: FileMode | 'tree' };

/** A node is a leaf's `[mode, oid]` or a folder of nodes. */
type Folder = Map<string, Folder | [mode: string, oid: string]>;

const GIT_MODE = { '0644': '100644', '0755': '100755', tree: '40000' } as const;

/** The name that git gives these bytes. */
export const blobOid = (bytes: Uint8Array): string => objectOid('blob', bytes);

/** The name that git gives a folder of these files, without writing any object. */
export function treeOid(leaves: Iterable<TreeLeaf>): string {
  const root: Folder = new Map();
  for (const { path, oid, mode } of leaves) {
    const segments = path.split('/');
    const name = segments.pop() ?? '';
    folderAt(root, segments).set(name, [GIT_MODE[mode], oid]);
  }
  return hashFolder(root);
}

function folderAt(root: Folder, segments: readonly string[]): Folder {
  let folder = root;
  for (const segment of segments) {
    const known = folder.get(segment);
    const next: Folder = known instanceof Map ? known : new Map();
    folder.set(segment, next);
    folder = next;
  }
  return folder;
}

function hashFolder(folder: Folder): string {
  const entries = [...folder].map(([name, node]): { key: Buffer; bytes: Buffer } => {
    const [mode, oid] = node instanceof Map ? [GIT_MODE.tree, hashFolder(node)] : node;
    // Git sorts a folder as if its name ended with a slash.
    const key = Buffer.from(mode === GIT_MODE.tree ? `${name}/` : name);
    return {
      key,
      bytes: Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
    };
  });
  entries.sort((a, b) => Buffer.compare(a.key, b.key));
  return objectOid('tree', Buffer.concat(entries.map(({ bytes }) => bytes)));
}

function objectOid(type: 'blob' | 'tree', bytes: Uint8Array): string {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
