import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Signature } from './commit.ts';
import { editTree, type FileChange } from './edit-tree.ts';
import { type ObjectPool, openObjectPool } from './object-pool.ts';
import { writeObject } from './write-object.ts';

export interface NewCommit {
  repo: string;
  /** The changes are made to its tree; without one they are the whole tree. */
  parent?: string;
  changes: readonly FileChange[];
  message: string;
  author: Signature;
  committer: Signature;
  /** Reads the parent; opened for this call when not given. */
  objects?: ObjectPool;
}

/**
 * Writes a commit that no ref holds yet, durable when it resolves.
 *
 * @returns its oid; the same for the same arguments
 * @throws {WaymarkError} as `editTree`
 */
export async function commitFiles(commit: NewCommit): Promise<string> {
  const { repo, parent, changes } = commit;
  const objects = commit.objects ?? openObjectPool(repo, { size: 1 });
  try {
    const base = parent ? (await objects.readCommit(parent)).tree : undefined;
    const tree = await editTree({ repo, objects }, base, changes);
    return await writeCommit({ ...commit, tree, parents: parent ? [parent] : [] });
  } finally {
    if (!commit.objects) objects.close();
  }
}

/** A commit without a parent that holds `dir`'s files and their exec bits, as `init` makes one. */
export async function importFolder(options: {
  repo: string;
  dir: string;
  message: string;
  author: Omit<Signature, 'atSec'>;
  /** Milliseconds since the Unix epoch. */
  at: number;
}): Promise<string> {
  const { repo, dir, message, at } = options;
  const author = { ...options.author, atSec: Math.floor(at / 1000) };
  const changes = await readFolder(dir);
  return await commitFiles({ repo, changes, message, author, committer: author });
}

/** A commit whose tree is written already. */
export interface TreeCommit extends Pick<NewCommit, 'repo' | 'message' | 'author' | 'committer'> {
  tree: string;
  parents: readonly string[];
  /** Gives the armored signature of a commit's text. */
  sign?: ((payload: string) => Promise<string>) | undefined;
}

/**
 * Writes a commit that no ref holds yet, durable when it resolves.
 *
 * @returns its oid; the same for the same arguments
 */
export async function writeCommit({ repo, tree, parents, sign, ...commit }: TreeCommit) {
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${person(commit.author)}`,
    `committer ${person(commit.committer)}`,
  ].join('\n');
  const message = commit.message.endsWith('\n') ? commit.message : `${commit.message}\n`;
  const signature = await sign?.(`${lines}\n\n${message}`);
  // A header goes on in every line that starts with a space.
  const header = signature ? `\ngpgsig ${signature.trimEnd().replaceAll('\n', '\n ')}` : '';
  return await writeObject(repo, 'commit', Buffer.from(`${lines}${header}\n\n${message}`));
}

/** A name holds nothing that would end it, or start another header. */
function person({ name, email, atSec }: Signature): string {
  const clean = (text: string) => text.replace(/[<>\p{Cc}]/gu, ' ').trim();
  return `${clean(name) || 'unknown'} <${clean(email)}> ${atSec} +0000`;
}

/** @throws {RangeError} for what is neither file nor folder: a registry has no symlinks */
async function readFolder(dir: string): Promise<FileChange[]> {
  const names = await readdir(dir, { recursive: true });
  const changes: FileChange[] = [];
  for (const name of names.sort()) {
    const stat = await lstat(join(dir, name));
    if (stat.isDirectory()) continue;
    if (!stat.isFile()) throw new RangeError(`${name} is neither a file nor a folder`);
    const mode = stat.mode & 0o100 ? '100755' : '100644';
    changes.push({ path: name, content: await readFile(join(dir, name)), mode });
  }
  return changes;
}
