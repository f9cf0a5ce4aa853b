import type { ChildProcess } from 'node:child_process';
import { spawnGit, stopChild } from './child.ts';
import { GitError } from './run.ts';
import { countWriter } from './writers.ts';

export interface RefUpdate {
  ref: string;
  oldOid: string;
  newOid: string;
}

const DONE = 'start: ok\nprepare: ok\ncommit: ok\n';

/** One `git update-ref --stdin`, kept for the next transaction. Git ends it at every refusal. */
export class UpdateRef {
  readonly #repo: string;
  #child: ChildProcess | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(repo: string) {
    this.#repo = repo;
  }

  /** @throws {GitError} when git refused or died; then nothing or all was done */
  run(update: RefUpdate): Promise<void> {
    const turn = this.#queue.then(() => this.#transact(update));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  close(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.stdin?.end();
    if (child) stopChild(child);
  }

  async #transact({ ref, oldOid, newOid }: RefUpdate): Promise<void> {
    const discount = countWriter(this.#repo);
    try {
      this.#child ??= this.#start();
      const answer = awaitAnswer(this.#child);
      this.#child.stdin?.write(`start\nupdate ${ref} ${newOid} ${oldOid}\nprepare\ncommit\n`);
      await answer;
    } finally {
      discount();
    }
  }

  #start(): ChildProcess {
    const args = [`--git-dir=${this.#repo}`, 'update-ref', '--stdin'];
    const child = spawnGit(args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin?.on('error', () => {}); // 'close' tells the same, with the reason
    child.stdout?.setEncoding('utf8');
    child.stderr?.setEncoding('utf8');
    const forget = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('error', forget);
    child.once('close', forget);
    return child;
  }
}

/** Until the whole answer of one transaction has come, or the process has ended. */
function awaitAnswer(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let output = '';
  let stderr = '';
  const take = (text: string) => {
    output += text;
    if (output === DONE) settle(resolve);
  };
  const complain = (text: string) => {
    stderr += text;
  };
  const fail = (exitCode: number | null, signal: string | null, cause?: Error) =>
    settle(() => reject(new GitError('update-ref', { exitCode, signal, stderr }, { cause })));
  const onError = (error: Error) => fail(null, null, error);
  const settle = (then: () => void) => {
    child.stdout?.off('data', take);
    child.stderr?.off('data', complain);
    child.off('close', fail).off('error', onError);
    then();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', complain);
  child.on('close', fail).on('error', onError);
  return promise;
}
