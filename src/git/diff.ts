import { type ChangedPath, changedPathsBetween } from './merge-tree.ts';
import { GitError, runGit } from './run.ts';

export interface FileDiff extends ChangedPath {
  /** Unified, with git's own head lines; null where all of them together are too long to show. */
  diff: string | null;
}

const LIMIT_BYTES = 4 * 1024 * 1024;

/** What differs between two commits or trees, file by file, by path. */
export async function diffFiles(repo: string, before: string, after: string): Promise<FileDiff[]> {
  const changes = await changedPathsBetween(repo, before, after);
  const found = await diffTexts(repo, before, after);
  // One that stood beside another file's name would hide what is to be reviewed.
  const texts = found?.length === changes.length ? found : undefined;
  return changes.map((change, i) => ({ ...change, diff: texts?.[i] ?? null }));
}

/** Files that a branch has changed since it left the other; all that differ where they have nothing in common. */
export async function pathsBroughtBy(
  repo: string,
  head: string,
  target: string,
): Promise<string[]> {
  const options = ['-r', '-z', '--no-renames', '--name-only', '--merge-base', '--end-of-options'];
  try {
    const output = await runGit(repo, ['diff-tree', ...options, target, head]);
    return output.toString('utf8').split('\0').filter(Boolean);
  } catch (error) {
    if (!(error instanceof GitError && /no merge base/.test(error.stderr))) throw error;
    return (await changedPathsBetween(repo, target, head)).map(({ path }) => path);
  }
}

/** In the order of the paths; undefined for too much. */
async function diffTexts(
  repo: string,
  before: string,
  after: string,
): Promise<string[] | undefined> {
  const options = ['-r', '-p', '--no-renames', '--no-color', '--no-ext-diff', '--no-textconv'];
  const args = ['diff-tree', ...options, '--end-of-options', before, after];
  try {
    const output = await runGit(repo, args, { outputLimitBytes: LIMIT_BYTES });
    // A file's own lines start with a space, a sign or a backslash. By line feeds alone: git ends no
    // line at what else a file may hold, such as U+2028.
    return output
      .toString('utf8')
      .split(/(?<=\n)(?=diff --git )/)
      .filter(Boolean);
  } catch (error) {
    if (error instanceof GitError && error.signal !== null) return undefined;
    throw error;
  }
}
