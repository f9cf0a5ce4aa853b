import { spawnGit, stopChild } from './child.ts';
import { GitError, runGit } from './run.ts';

/** Commits of the first-parent line that ends at `head`, without `after` and what is before it. */
export interface Range {
  head: string;
  after?: string | undefined;
}

export interface PathChange {
  path: string;
  /** The oid that the commit gave the path; the zero oid when it removed it. */
  oid: string;
  /** Git octal, `000000` when removed. */
  mode: string;
}

export interface CommitChanges {
  commit: string;
  /** Against the first parent, files only; all files for a root commit. */
  changes: PathChange[];
}

/**
 * The first-parent line that ends at `head`, oldest first. `after` and what is
 * before it are left out.
 *
 * @throws {GitError} as all of this file, for a commit that is not there
 */
export async function firstParents(repo: string, head: string, after?: string): Promise<string[]> {
  const args = ['rev-list', '--first-parent', '--reverse', ...revisions({ head, after })];
  return (await runGit(repo, args)).toString('latin1').split('\n').filter(Boolean);
}

/** All that lead to `head` by any parent, and do not lead to `after`. */
export async function commitsBetween(repo: string, head: string, after: string): Promise<string[]> {
  const text = await runGit(repo, ['rev-list', ...revisions({ head, after })]);
  return text.toString('latin1').split('\n').filter(Boolean);
}

/** Commits on the first-parent line that ends at `commit`, itself included. */
export async function count(repo: string, commit: string): Promise<number> {
  const args = ['rev-list', '--first-parent', '--count', ...revisions({ head: commit })];
  return Number((await runGit(repo, args)).toString('latin1'));
}

/** Whether `ancestor` is `commit`, or on the first-parent line that leads to it. */
export async function isFirstParentAncestor(
  repo: string,
  ancestor: string,
  commit: string,
): Promise<boolean> {
  if (ancestor === commit) return true;
  const range = revisions({ head: commit, after: ancestor });
  const text = await runGit(repo, ['rev-list', '--first-parent', '--parents', ...range]);
  // The walk stops at the first commit that `ancestor` reaches: on the line, that is `ancestor`.
  const oldest = text.toString('latin1').trimEnd().split('\n').at(-1) ?? '';
  return oldest.split(' ')[1] === ancestor;
}

/** Whether `ancestor` is `commit`, or can be reached from it by any of its parents. */
export async function isAncestor(repo: string, ancestor: string, commit: string): Promise<boolean> {
  const beyond = revisions({ head: ancestor, after: commit });
  return (await runGit(repo, ['rev-list', '--max-count=1', ...beyond])).length === 0;
}

/**
 * Each commit of the range and what it changed, **newest first**, from one git
 * process. Whoever sees a path for the first time sees the commit that last
 * changed it. Leaving the loop ends the process.
 */
export async function* changedPaths(repo: string, range: Range): AsyncGenerator<CommitChanges> {
  const diff = ['--raw', '-z', '--no-renames', '--no-abbrev', '--diff-merges=first-parent'];
  const args = ['--first-parent', ...diff, '--format=commit %H', ...revisions(range)];
  yield* groupByCommit(logTokens(repo, args));
}

/** What `git log -z` says, at its NULs. Leaving the loop ends the process. */
export async function* logTokens(repo: string, args: readonly string[]): AsyncGenerator<string> {
  const child = spawnGit([`--git-dir=${repo}`, '-c', 'log.showRoot=true', 'log', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) resolve();
      else reject(new GitError('log', { exitCode, signal, stderr }));
    });
  });
  ended.catch(() => {}); // also when the reader has left the loop
  try {
    yield* splitAtNul(child.stdout as AsyncIterable<Buffer>);
    await ended;
  } finally {
    stopChild(child);
  }
}

/** Tokens are `commit <oid>`, or `:<modes> <oids> <status>` and then a path, which may look like either. */
async function* groupByCommit(tokens: AsyncIterable<string>): AsyncGenerator<CommitChanges> {
  let current: CommitChanges | undefined;
  let pending: Omit<PathChange, 'path'> | undefined;
  for await (const token of tokens) {
    if (pending) {
      current?.changes.push({ path: token, ...pending });
      pending = undefined;
      continue;
    }
    const text = token.startsWith('\n') ? token.slice(1) : token;
    if (text.startsWith(':')) {
      const [, mode = '', , oid = ''] = text.split(' ');
      pending = { mode, oid };
    } else {
      if (current) yield current;
      current = { commit: text.slice('commit '.length), changes: [] };
    }
  }
  if (current) yield current;
}

async function* splitAtNul(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, at)) {
      yield bytes.toString('utf8', at, end);
      at = end + 1;
    }
    rest = bytes.subarray(at);
  }
}

/** `--` last, so that no oid from outside is taken for an option or a path. */
export function revisions({ head, after }: Range): string[] {
  return ['--end-of-options', head, ...(after ? [`^${after}`] : []), '--'];
}
