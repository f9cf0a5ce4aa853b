import { WaymarkError } from '../model/errors.ts';
import type { ObjectPool } from './object-pool.ts';
import { formatTree, type TreeEntry } from './tree.ts';
import { writeObject } from './write-object.ts';

/**
 * `content: null` removes the path; an `oid` is a blob that the repository has.
 * Without `mode`, an existing file keeps its own.
 */
export interface FileChange {
  path: string;
  content: Uint8Array | string | { oid: string } | null;
  mode?: '100644' | '100755';
}

/**
 * Writes the tree that `changes` make of the tree `base`, reading only folders
 * on a changed path.
 *
 * @returns its oid; that of the empty tree when nothing is left
 * @throws {WaymarkError} `VAL_FAILED` for a path that is no file's, or that
 *   removes what is not there
 */
export async function editTree(
  to: { repo: string; objects: ObjectPool },
  base: string | undefined,
  changes: readonly FileChange[],
): Promise<string> {
  const written = await Promise.all(changes.map((change) => writeChange(to.repo, change)));
  const tree = await writeFolder(to, base, written);
  return tree ?? (await writeObject(to.repo, 'tree', formatTree([])));
}

/** A change whose content is stored: the rest of its path, and the blob or a removal. */
interface WrittenChange {
  names: readonly string[];
  path: string;
  oid: string | null;
  mode: string | undefined;
}

async function writeChange(
  repo: string,
  { path, content, mode }: FileChange,
): Promise<WrittenChange> {
  const oid = content === null ? null : await writeContent(repo, content);
  return { names: path.split('/'), path, oid, mode };
}

async function writeContent(repo: string, content: NonNullable<FileChange['content']>) {
  if (typeof content === 'object' && 'oid' in content) return content.oid;
  return await writeObject(repo, 'blob', Buffer.from(content));
}

/** Undefined when nothing is left in it: git has no empty folders. */
async function writeFolder(
  to: { repo: string; objects: ObjectPool },
  base: string | undefined,
  changes: readonly WrittenChange[],
): Promise<string | undefined> {
  const entries = new Map<string, TreeEntry>();
  for (const entry of base ? await to.objects.readTree(base) : []) {
    entries.set(entry.name.toString('latin1'), entry);
  }
  for (const [name, below] of groupByName(changes)) {
    const bytes = Buffer.from(name);
    const key = bytes.toString('latin1');
    const next = await writeEntry(to, entries.get(key), below);
    if (next) entries.set(key, { ...next, name: bytes });
    else entries.delete(key);
  }
  if (entries.size === 0) return undefined;
  return await writeObject(to.repo, 'tree', formatTree([...entries.values()]));
}

async function writeEntry(
  to: { repo: string; objects: ObjectPool },
  entry: TreeEntry | undefined,
  below: readonly WrittenChange[],
): Promise<Omit<TreeEntry, 'name'> | undefined> {
  const folder = entry?.mode === '40000' ? entry : undefined;
  const here = below.filter(({ names }) => names.length === 0);
  const deeper = below.filter(({ names }) => names.length > 0);
  const [change] = here;
  const removes = here.every(({ oid }) => oid === null);
  if (here.length > 1 || (change && folder) || (deeper.length > 0 && !removes)) {
    throw new WaymarkError(
      'VAL_FAILED',
      `${below[0]?.path} is changed twice, or is a folder as well`,
    );
  }
  if (change && !entry && removes)
    throw new WaymarkError('VAL_FAILED', `${change.path} is not there to remove`);
  if (deeper.length > 0) {
    if (entry && !folder && !change)
      throw new WaymarkError('VAL_FAILED', `${deeper[0]?.path} is below a file`);
    const oid = await writeFolder(to, folder?.oid, deeper);
    return oid === undefined ? undefined : { mode: '40000', oid };
  }
  if (!change || change.oid === null) return undefined;
  return { mode: change.mode ?? entry?.mode ?? '100644', oid: change.oid };
}

function groupByName(changes: readonly WrittenChange[]): Map<string, WrittenChange[]> {
  const groups = new Map<string, WrittenChange[]>();
  for (const { names, ...change } of changes) {
    const [name = '', ...rest] = names;
    if (name === '')
      throw new WaymarkError('VAL_FAILED', `${JSON.stringify(change.path)} is no path of a file`);
    groups.set(name, [...(groups.get(name) ?? []), { ...change, names: rest }]);
  }
  return groups;
}
