import { type Limits, spawnGit, stopChild } from './child.ts';

/** Git said no, or did not run. `stderr` may name server paths: for logs, never for an answer. */
export class GitError extends Error {
  override readonly name = 'GitError';
  /** Null when a signal ended it, or it never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** What it had said before: some commands answer, and tell by the exit code what it means. */
  readonly stdout: Buffer;

  constructor(
    command: string,
    end: { exitCode: number | null; signal: string | null; stderr: string; stdout?: Buffer },
    options?: ErrorOptions,
  ) {
    const how = end.signal ?? (end.exitCode === null ? 'not started' : `exit ${end.exitCode}`);
    super(`git ${command}: ${how}: ${end.stderr.trim()}`, options);
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.stderr = end.stderr;
    this.stdout = end.stdout ?? Buffer.alloc(0);
  }
}

export interface RunOptions {
  input?: string | Uint8Array;
  env?: Readonly<Record<string, string>>;
  limits?: Limits;
  /** More than this on stdout is a failure: the caller expected a bounded answer. */
  outputLimitBytes?: number;
  timeoutSec?: number;
  /** Stops git when aborted, in a way that lets it remove what it had begun. */
  signal?: AbortSignal;
}

const STDERR_LIMIT_BYTES = 16 * 1024;

/**
 * Runs one git command in a bare repository and gives its stdout.
 *
 * @throws {GitError} for any other end than exit 0
 */
export function runGit(
  repo: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Buffer> {
  const { input, env, limits, signal } = options;
  const { outputLimitBytes = 256 * 1024 * 1024, timeoutSec = 120 } = options;
  const command = args.find((arg) => !arg.startsWith('-')) ?? '';
  const child = spawnGit([`--git-dir=${repo}`, ...args], {
    env,
    limits,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const output: Buffer[] = [];
  let outputBytes = 0;
  let stderr = '';
  const give = (exitCode: number | null, signal: string | null, cause?: Error) =>
    reject(
      new GitError(command, { exitCode, signal, stderr, stdout: Buffer.concat(output) }, { cause }),
    );
  // Given up at once: a grandchild may hold the pipes open for longer than git lives.
  const kill = (why: string) => {
    stderr = why;
    stopChild(child);
    child.stdout?.destroy();
    child.stderr?.destroy();
    give(null, 'SIGTERM');
  };
  const timer = setTimeout(() => kill(`not done after ${timeoutSec} s`), timeoutSec * 1000);
  const stop = () => stopChild(child);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();

  child.stdout?.on('data', (chunk: Buffer) => {
    outputBytes += chunk.length;
    if (outputBytes > outputLimitBytes) kill(`more than ${outputLimitBytes} bytes of output`);
    else output.push(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < STDERR_LIMIT_BYTES) stderr += chunk;
  });
  // A child that ends without reading its input tells why by its exit code.
  child.stdin?.on('error', () => {}).end(input);
  child.once('error', (error) => {
    clearTimeout(timer);
    give(null, null, error);
  });
  child.once('close', (exitCode, by) => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    // Git may end by itself before the signal finds it: stopped is stopped all the same.
    if (signal?.aborted) give(null, 'SIGTERM');
    else if (exitCode === 0) resolve(Buffer.concat(output));
    else give(exitCode, by);
  });
  return promise;
}
