import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TreeEntry, TreeSource } from './source.ts';

/** Never part of a registry's tree. */
const SKIPPED = new Set(['.git', 'node_modules']);

/**
 * A folder on disk as git would store it, so that one compiler serves a working
 * tree and a commit alike. Files are hashed now and read again when asked for.
 */
export async function openFolderSource(dir: string): Promise<{ tree: string; source: TreeSource }> {
  const trees = new Map<string, TreeEntry[]>();
  const files = new Map<string, string>();
  const links = new Map<string, Buffer>();
  const tree = await visit(dir);
  return {
    tree,
    source: {
      readTree: async (oid) => trees.get(oid)!,
      readBlobs: (oids) =>
        Promise.all(oids.map(async (oid) => links.get(oid) ?? (await readFile(files.get(oid)!)))),
    },
  };

  async function visit(folder: string): Promise<string> {
    const entries: TreeEntry[] = [];
    for (const name of await readdir(folder, { encoding: 'buffer' })) {
      if (SKIPPED.has(name.toString())) continue;
      const path = join(folder, name.toString());
      const stat = await lstat(path);
      if (stat.isSymbolicLink()) {
        const target = Buffer.from(await readlink(path));
        const oid = gitHash('blob', target);
        links.set(oid, target);
        entries.push({ mode: '120000', name, oid });
      } else if (stat.isDirectory()) {
        const oid = await visit(path);
        if (trees.get(oid)!.length > 0) entries.push({ mode: '40000', name, oid });
      } else if (stat.isFile()) {
        const oid = gitHash('blob', await readFile(path));
        files.set(oid, path);
        entries.push({ mode: stat.mode & 0o100 ? '100755' : '100644', name, oid });
      }
    }
    entries.sort((a, b) => Buffer.compare(sortName(a), sortName(b)));
    const parts = entries.flatMap(({ mode, name, oid }) => [
      Buffer.from(`${mode} `),
      name,
      Buffer.from([0]),
      Buffer.from(oid, 'hex'),
    ]);
    const oid = gitHash('tree', Buffer.concat(parts));
    trees.set(oid, entries);
    return oid;
  }
}

/** Git sorts a folder as if its name ended with a slash. */
const sortName = ({ name, mode }: TreeEntry): Buffer =>
  mode === '40000' ? Buffer.concat([name, Buffer.from('/')]) : name;

function gitHash(type: 'blob' | 'tree', bytes: Buffer): string {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
