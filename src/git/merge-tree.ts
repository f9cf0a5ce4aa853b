import { GitError, runGit } from './run.ts';

export type Merge =
  | { isClean: true; tree: string }
  /** The paths that nobody but a person can put together. */
  | { isClean: false; conflicts: string[] };

export interface ChangedPath {
  path: string;
  status: 'added' | 'changed' | 'removed';
}

/** What one merge may cost: the histories of a registry are small, an attacker's need not be. */
const LIMITS = { addressSpaceBytes: 1024 ** 3, cpuSec: 30 };

/**
 * Merges two commits on the ground of what they have in common. It writes
 * unreferenced objects and moves no ref. Histories without a common commit are
 * a conflict without a path.
 *
 * @throws {GitError} for a commit that is not there
 */
export async function mergeTrees(
  repo: string,
  { ours, theirs }: { ours: string; theirs: string },
): Promise<Merge> {
  const options = ['--write-tree', '-z', '--name-only', '--no-messages', '--end-of-options'];
  try {
    const output = await runGit(repo, ['merge-tree', ...options, ours, theirs], { limits: LIMITS });
    return { isClean: true, tree: splitAtNul(output)[0]! };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    // The same exit code, and nothing said, where a commit is not there.
    if (error.exitCode === 1 && error.stdout.length > 0) {
      const [, ...conflicts] = splitAtNul(error.stdout);
      return { isClean: false, conflicts };
    }
    if (/unrelated histories/.test(error.stderr)) return { isClean: false, conflicts: [] };
    throw error;
  }
}

/** Files that differ between two commits or trees, by path; a renamed file is one gone and one new. */
export async function changedPathsBetween(
  repo: string,
  before: string,
  after: string,
): Promise<ChangedPath[]> {
  const options = ['-r', '-z', '--no-renames', '--name-status', '--end-of-options'];
  const tokens = splitAtNul(await runGit(repo, ['diff-tree', ...options, before, after]));
  const changes: ChangedPath[] = [];
  for (let i = 0; i + 1 < tokens.length; i += 2) {
    changes.push({ path: tokens[i + 1]!, status: statusOf(tokens[i]!) });
  }
  return changes;
}

/** `T`, another mode, is a change as well. */
function statusOf(letter: string): ChangedPath['status'] {
  if (letter === 'A') return 'added';
  return letter === 'D' ? 'removed' : 'changed';
}

const splitAtNul = (output: Buffer): string[] => output.toString('utf8').split('\0').slice(0, -1);
