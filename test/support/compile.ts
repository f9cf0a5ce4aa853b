import { openObjectPool } from '../../src/git/object-pool.ts';
import { formatTree } from '../../src/git/tree.ts';
import { writeObject } from '../../src/git/write-object.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { hexOf } from '../../src/model/digest.ts';
import type { Result } from '../../src/model/result.ts';
import { compile } from '../../src/registry/compile.ts';
import { ParsePool } from '../../src/registry/parse-pool.ts';
import type { Snapshot } from '../../src/registry/snapshot.ts';
import type { TreeSource } from '../../src/registry/source.ts';
import { type Files, makeRepository, type TestRepository } from './git.ts';

export interface Compiled {
  result: Result<Snapshot, Diagnostic[]>;
  /** What was asked of the repository. */
  read: { blobs: number; trees: number };
  /** Stored content by digest. */
  contentOf(digest: string): Buffer | undefined;
}

/** Compiles a commit or tree of a repository, from scratch or from a base. */
export async function compileAt(
  repo: string,
  revision: string,
  base?: Snapshot,
): Promise<Compiled> {
  const objects = openObjectPool(repo);
  const pool = new ParsePool();
  const contents = new Map<string, Buffer>();
  const source: TreeSource = {
    readTree: (oid) => objects.readTree(oid),
    readSizes: (oids) => Promise.all(oids.map(async (oid) => (await objects.find(oid))!.size)),
    readBlobs: (oids) => objects.readMany(oids),
  };
  try {
    const tree = (await objects.find(`${revision}^{tree}`))!.oid;
    const sink = { add: async (hex: string, bytes: Buffer) => void contents.set(hex, bytes) };
    const result = await compile({ source, tree, base, sink, pool });
    const { blobs, trees } = objects.counters;
    return { result, read: { blobs, trees }, contentOf: (digest) => contents.get(hexOf(digest)) };
  } finally {
    objects.close();
    pool.close();
  }
}

/** @throws when it does not compile */
export function snapshotOf({ result }: Compiled): Snapshot {
  if (result.ok) return result.value;
  throw new Error(result.error.map(({ path, message }) => `${path}: ${message}`).join('\n'));
}

export const diagnosticsOf = ({ result }: Compiled): readonly Diagnostic[] =>
  result.ok ? result.value.warnings : result.error;

/** Compiles files as one commit. */
export async function compileFiles(files: Files): Promise<Compiled> {
  return await withRepository(files, ({ path }) => compileAt(path, 'main'));
}

export async function withRepository<T>(
  files: Files,
  use: (repository: TestRepository) => Promise<T>,
): Promise<T> {
  const repository = await makeRepository(files);
  try {
    return await use(repository);
  } finally {
    await repository.remove();
  }
}

/** A tree as raw as git takes it: any name, any mode. Answers its oid. */
export function writeTree(
  repo: string,
  entries:
    | Record<string, { mode: string; oid: string }>
    | [Buffer, { mode: string; oid: string }][],
): Promise<string> {
  const rows = Array.isArray(entries) ? entries : Object.entries(entries);
  const tree = formatTree(rows.map(([name, entry]) => ({ name: Buffer.from(name), ...entry })));
  return writeObject(repo, 'tree', tree);
}
