import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FileMode } from '../../src/model/digest.ts';
import { checkTreeEntry } from '../../src/registry/tree-rules.ts';
import type { Note } from './report.ts';

/** A file to import or to write. */
export interface ImportFile {
  mode: FileMode;
  read: () => Promise<Buffer>;
}

export type Files = Map<string, ImportFile>;

/** A payload file's limit, as in the registry's format. */
const LARGEST_FILE = 5 * 1024 * 1024;

export const fileOf = (text: string | Buffer): ImportFile => {
  const bytes = Buffer.from(text as string);
  return { mode: '0644', read: async () => bytes };
};

/**
 * Every regular file below `root`, by its path with `/`, in the order of the
 * paths. What no registry can hold becomes a note; git's own folder is no content.
 */
export async function readSourceTree(root: string): Promise<{ files: Files; notes: Note[] }> {
  const files: Files = new Map();
  const notes: Note[] = [];
  const drop = (file: string, why: string): void => {
    notes.push({ code: 'file-dropped', path: file, message: `not imported: ${why}` });
  };

  const walk = async (folder: string): Promise<void> => {
    const names = (await readdir(path.join(root, folder), { encoding: 'buffer' })).sort((a, b) =>
      Buffer.compare(a, b),
    );
    const clashes = new Set<string>();
    for (const name of names) {
      const inTree = folder ? `${folder}/${name.toString()}` : name.toString();
      if (inTree === '.git') continue;
      const absolute = path.join(root, inTree);
      const facts = await lstat(absolute).catch(() => undefined);
      const refusal = facts ? refusalOf(folder, name, facts) : 'its name is no UTF-8';
      const folded = name.toString().normalize('NFC').toLowerCase();
      if (refusal) drop(inTree, refusal);
      else if (clashes.has(folded)) drop(inTree, 'only case keeps its name from another');
      else if (facts?.isDirectory()) await walk(inTree);
      else {
        const mode = (facts!.mode & 0o100) === 0 ? '0644' : '0755';
        files.set(inTree, { mode, read: () => readFile(absolute) });
      }
      clashes.add(folded);
    }
  };
  await walk('');
  return { files, notes };
}

function refusalOf(
  folder: string,
  name: Buffer,
  facts: Awaited<ReturnType<typeof lstat>>,
): string | undefined {
  if (facts.isSymbolicLink()) return 'it is a symbolic link';
  if (!facts.isFile() && !facts.isDirectory()) return 'it is no regular file';
  const mode = facts.isDirectory() ? '40000' : '100644';
  const fault = checkTreeEntry(folder, name, mode).find(({ severity }) => severity === 'error');
  if (fault) return fault.message;
  const isTooLarge = facts.isFile() && Number(facts.size) > LARGEST_FILE;
  return isTooLarge ? 'it is over 5 MiB' : undefined;
}
