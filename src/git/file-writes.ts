import { logTokens, type Range, revisions } from './history.ts';

/** One commit that wrote one file. */
export interface FileWrite {
  path: string;
  /** It was not there before. */
  isAdded: boolean;
  /** The author's name, as the commit has it. */
  by: string;
  atSec: number;
}

/**
 * What was written in a range by any of its commits, **newest first**, from one git process; of
 * merges only what none of their parents has. Leaving the loop ends the process.
 *
 * @param pathspecs what to look at
 * @throws {GitError}
 */
export async function* fileWrites(
  repo: string,
  range: Range,
  pathspecs: readonly string[],
): AsyncGenerator<FileWrite> {
  const diff = ['--name-status', '-z', '--no-renames', '--diff-merges=combined'];
  const args = ['--date-order', ...diff, '--format=commit %at %an', ...revisions(range)];
  let by = '';
  let atSec = 0;
  let status: string | undefined;
  for await (const token of logTokens(repo, [...args, ...pathspecs])) {
    if (status !== undefined) {
      // Removed from what went on: whoever adds it again begins anew.
      if (!status.includes('D')) {
        yield { path: token, isAdded: /^A+$/.test(status), by, atSec };
      }
      status = undefined;
      continue;
    }
    const text = token.replace(/^\n/, '');
    const [, at, name] = /^commit (-?\d+) (.*)$/s.exec(text) ?? [];
    if (at !== undefined) [atSec, by] = [Number(at), name ?? ''];
    // A merge's own are set off by an empty one.
    else if (text !== '') status = text;
  }
}
