import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import type { TreeEntry, TreeSource } from './source.ts';

/** Never part of a registry's tree. */
const SKIPPED = new Set(['.git', 'node_modules']);

/** A file's path as the system has it: a name need not be UTF-8. */
interface FileOnDisk {
  path: Buffer;
  size: number;
  link?: Buffer;
}

/**
 * A folder on disk as git would store it, so that one compiler serves a working
 * tree and a commit alike. Files are hashed now and read again when asked for.
 */
export async function openFolderSource(dir: string): Promise<{ tree: string; source: TreeSource }> {
  const trees = new Map<string, TreeEntry[]>();
  const files = new Map<string, FileOnDisk>();
  const tree = await visit(Buffer.from(dir));
  return {
    tree,
    source: {
      readTree: async (oid) => trees.get(oid)!,
      readSizes: async (oids) => oids.map((oid) => files.get(oid)!.size),
      readBlobs: (oids) =>
        Promise.all(
          oids.map(async (oid) => {
            const { path, link } = files.get(oid)!;
            return link ?? (await readFile(path));
          }),
        ),
    },
  };

  async function visit(folder: Buffer): Promise<string> {
    const entries: TreeEntry[] = [];
    for (const name of await readdir(folder, { encoding: 'buffer' })) {
      if (SKIPPED.has(name.toString())) continue;
      const entry = await entryOf(Buffer.concat([folder, Buffer.from('/'), name]), name);
      if (entry) entries.push(entry);
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

  async function entryOf(path: Buffer, name: Buffer): Promise<TreeEntry | undefined> {
    const stat = await lstat(path);
    if (stat.isDirectory()) {
      const oid = await visit(path);
      return trees.get(oid)!.length > 0 ? { mode: '40000', name, oid } : undefined;
    }
    if (stat.isSymbolicLink()) {
      const link = await readlink(path, { encoding: 'buffer' });
      return addFile('120000', name, link, { path, link });
    }
    if (!stat.isFile()) return undefined;
    return addFile(stat.mode & 0o100 ? '100755' : '100644', name, await readFile(path), { path });
  }

  function addFile(mode: string, name: Buffer, bytes: Buffer, file: Omit<FileOnDisk, 'size'>) {
    const oid = gitHash('blob', bytes);
    files.set(oid, { ...file, size: bytes.length });
    return { mode, name, oid };
  }
}

/** Git sorts a folder as if its name ended with a slash. */
const sortName = ({ name, mode }: TreeEntry): Buffer =>
  mode === '40000' ? Buffer.concat([name, Buffer.from('/')]) : name;

function gitHash(type: 'blob' | 'tree', bytes: Buffer): string {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
}
