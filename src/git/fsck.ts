import { GitError, runGit } from './run.ts';

const TIMEOUT_SEC = 3600;
const LONGEST_FAULT = 1000;

/**
 * What is wrong with a repository, in git's words; undefined when nothing is.
 * They may name server paths: for logs, never for an answer.
 *
 * @param isFull reads every object; else every commit and tree, and that each
 *   file's object is there
 * @throws {GitError} when git was stopped, which tells nothing
 */
export async function findFault(
  repo: string,
  { isFull, signal }: { isFull: boolean; signal: AbortSignal },
): Promise<string | undefined> {
  // Reflogs name what upkeep was free to drop.
  const common = ['--no-dangling', '--no-reflogs', '--no-progress'];
  const how = isFull ? '--full' : '--connectivity-only';
  try {
    await runGit(repo, ['fsck', how, ...common], { signal, timeoutSec: TIMEOUT_SEC });
    return undefined;
  } catch (error) {
    if (!(error instanceof GitError) || error.exitCode === null) throw error;
    const said = `${error.stderr}\n${error.stdout.toString()}`.trim();
    return said.slice(0, LONGEST_FAULT) || `git fsck: exit ${error.exitCode}`;
  }
}
