import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository } from '../../src/git/repository.ts';

/** Text, or text with the exec bit; null removes the path. */
export type Files = Record<
  string,
  string | Buffer | { mode: string; content: string | Buffer } | null
>;

export interface TestRepository {
  /** The bare repository, with the settings and hooks of a real one. */
  path: string;
  /** The newest commit of `main`. */
  head: string;
  /** Adds a commit to a branch (`main`), which starts at `from` or the branch's own head. */
  commit(
    files: Files,
    options?: { message?: string; branch?: string; from?: string; merge?: string },
  ): Promise<string>;
  /** Runs git in it and gives what it said, without the last newline. */
  git: (...args: string[]) => Promise<string>;
  remove(): Promise<void>;
}

/** 2026-01-01, a minute later for each commit: the same files give the same oids. */
const START_SEC = Date.UTC(2026, 0, 1) / 1000;
const author = 'Ada Author <ada@example.com>';

/** A bare repository whose `main` holds `files`, made by git itself. */
export async function makeRepository(files: Files = {}): Promise<TestRepository> {
  const folder = await temporaryFolder('waymark-git-');
  const path = join(folder, 'registry.git');
  await createRepository(path);
  let commits = 0;

  const repository: TestRepository = {
    path,
    head: '',
    async commit(changes, { message = 'Change', branch = 'main', from, merge } = {}) {
      const ref = `refs/heads/${branch}`;
      const parent = from ?? (await runGit(path, ['for-each-ref', '--format=%(objectname)', ref]));
      const when = `${START_SEC + 60 * commits++} +0000`;
      const stream = Buffer.concat([
        Buffer.from(`commit ${ref}\nauthor ${author} ${when}\ncommitter ${author} ${when}\n`),
        data(message),
        Buffer.from(parent ? `from ${parent}\n` : ''),
        Buffer.from(merge ? `merge ${merge}\n` : ''),
        ...Object.entries(changes).map(([name, file]) => fileCommand(name, file)),
        Buffer.from('\ndone\n'),
      ]);
      await runGit(path, ['fast-import', '--quiet', '--done', '--force'], stream);
      const commit = await runGit(path, ['rev-parse', ref]);
      if (branch === 'main') repository.head = commit;
      return commit;
    },
    git: (...args) => runGit(path, args),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  if (Object.keys(files).length > 0) await repository.commit(files, { message: 'Start' });
  return repository;
}

export const temporaryFolder = (prefix: string): Promise<string> => mkdtemp(join(tmpdir(), prefix));

/** A person's git: in a work tree or a bare repository, with nothing of this machine's settings. */
export function runGit(cwd: string, args: string[], input?: Buffer | string): Promise<string> {
  return gitOutput(cwd, args, input).then(({ stdout }) => stdout);
}

/** Both streams, for what a remote said. Rejects with git's error text. */
export function gitOutput(
  cwd: string,
  args: string[],
  input?: Buffer | string,
): Promise<{ stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ada Author',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada Author',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    LC_ALL: 'C',
  };
  return new Promise((resolve, reject) => {
    const options = { cwd, env, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile('git', args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`git ${args.join(' ')}: ${stderr}`, { cause: error }));
      else resolve({ stdout: stdout.trimEnd(), stderr });
    });
    child.stdin?.on('error', () => {}); // git ended before it read its input: its exit code says why
    child.stdin?.end(input);
  });
}

function fileCommand(name: string, file: Files[string] | undefined): Buffer {
  const path = JSON.stringify(name);
  if (file === null || file === undefined) return Buffer.from(`D ${path}\n`);
  const isPlain = typeof file === 'string' || Buffer.isBuffer(file);
  const { mode, content } = isPlain ? { mode: '100644', content: file } : file;
  return Buffer.concat([Buffer.from(`M ${mode} inline ${path}\n`), data(content)]);
}

function data(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')]);
}
