import fs from 'node:fs';
import { join, resolve } from 'node:path';
import git from 'isomorphic-git';
import type { Diagnostic } from '../src/model/diagnostic.ts';
import type { Result } from '../src/model/result.ts';
import { compile } from '../src/registry/compile.ts';
import { openFolderSource } from '../src/registry/folder-source.ts';
import { ParsePool } from '../src/registry/parse-pool.ts';
import type { Snapshot } from '../src/registry/snapshot.ts';
import type { TreeSource } from '../src/registry/source.ts';
import { UsageError } from './errors.ts';

/** A registry's tree, and where to read it. */
interface Tree {
  source: TreeSource;
  tree: string;
}

/**
 * Compiles a folder, or a revision of the repository in `cwd`: a branch, tag or
 * commit, with ~<n> behind it for its nth first parent.
 */
export async function compileNamed(
  name: string,
  cwd: string,
): Promise<Result<Snapshot, readonly Diagnostic[]>> {
  const pool = new ParsePool();
  try {
    const { source, tree } = await openTree(name, cwd);
    const sink = { add: async () => {} };
    return await compile({ source, tree, sink, pool });
  } finally {
    pool.close();
  }
}

async function openTree(name: string, cwd: string): Promise<Tree> {
  const dir = resolve(cwd, name);
  const found = fs.statSync(dir, { throwIfNoEntry: false });
  return found?.isDirectory() ? openFolderSource(dir) : openRevision(name, findRepository(cwd));
}

/**
 * The branch that is checked out.
 *
 * @throws {UsageError} where there is none
 */
export async function currentBranch(cwd: string): Promise<string> {
  const branch = await git.currentBranch({ fs, gitdir: findRepository(cwd) });
  if (branch) return branch;
  throw new UsageError('no branch is checked out here: name one with --branch');
}

function findRepository(cwd: string): string {
  const own = join(cwd, '.git');
  if (fs.existsSync(own)) return own;
  if (fs.existsSync(join(cwd, 'HEAD')) && fs.existsSync(join(cwd, 'objects'))) return cwd;
  if (resolve(cwd, '..') === resolve(cwd)) {
    throw new UsageError(
      'this is neither a folder nor a revision: there is no Git repository here',
    );
  }
  return findRepository(resolve(cwd, '..'));
}

/** Reads with isomorphic-git: a machine that only compares needs no git. */
async function openRevision(name: string, gitdir: string): Promise<Tree> {
  const repository = { fs, gitdir, cache: {} };
  const { tree } = (await readRevision(name, repository)).commit;
  const readBlob = async (oid: string): Promise<Buffer> =>
    Buffer.from((await git.readBlob({ ...repository, oid })).blob);
  return {
    tree,
    source: {
      async readTree(oid) {
        const { tree: entries } = await git.readTree({ ...repository, oid });
        // It pads a tree's mode; git stores it without the zero.
        return entries.map(({ mode, path, oid: entryOid }) => ({
          mode: mode.replace(/^0/, ''),
          name: Buffer.from(path),
          oid: entryOid,
        }));
      },
      readSizes: async (oids) =>
        (await Promise.all(oids.map(readBlob))).map(({ length }) => length),
      readBlobs: (oids) => Promise.all(oids.map(readBlob)),
    },
  };
}

type Repository = Pick<Parameters<typeof git.readCommit>[0], 'fs' | 'gitdir' | 'cache'>;

async function readRevision(name: string, repository: Repository) {
  const [, base = '', steps = ''] = /^(.+?)((?:~\d*|\^)*)$/.exec(name) ?? [];
  let commit = await readCommit(base, repository, name);
  for (const [, n = '1'] of steps.matchAll(/~(\d*)|\^/g)) {
    for (let left = Number(n || '1'); left > 0; left--) {
      const parent = commit.commit.parent[0];
      if (!parent) throw new UsageError(`${name}: ${base} has no such ancestor`);
      commit = await readCommit(parent, repository, name);
    }
  }
  return commit;
}

async function readCommit(ref: string, repository: Repository, name: string) {
  const oid = await git
    .resolveRef({ ...repository, ref })
    .catch(() => git.expandOid({ ...repository, oid: ref }))
    .catch(() => undefined);
  if (!oid) throw new UsageError(`${name} is neither a folder nor a revision of this repository`);
  return git.readCommit({ ...repository, oid });
}
