import type { ChildProcess } from 'node:child_process';
import { WaymarkError } from '../model/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import { spawnGit, stopChild } from './child.ts';
import { GitError } from './run.ts';

export type ObjectKind = 'blob' | 'tree' | 'commit' | 'tag';

/** `content` is empty for an `info` request. */
export interface Answer {
  oid: string;
  kind: ObjectKind;
  size: number;
  content: Buffer;
}

interface Request {
  command: 'contents' | 'info';
  /** An object's name, without a newline. */
  spec: string;
  limitBytes: number;
  /** A request that a kill caught is asked once more: most kills are not its fault. */
  wasRetried: boolean;
  resolve(answer: Answer | undefined): void;
  reject(error: unknown): void;
}

const HEADER = /^([0-9a-f]{40}) (blob|tree|commit|tag) (\d+)$/;
/** Git answers at a flush only, so a long batch gets several and streams. */
const FLUSH_EVERY = 256;
const MAX_FRUITLESS_STARTS = 3;

/**
 * One `git cat-file --batch-command --buffer`, pipelined and started again
 * when it dies. Answers come in the order of the requests.
 */
export class CatFile {
  readonly #repo: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  /** Asked and not answered; those before `#head` are done. */
  #requests: Request[] = [];
  #head = 0;
  #outbox: string[] = [];
  readonly #received = new ByteQueue();
  /** The answer whose body is still to come. */
  #header: Answer | undefined;
  #stderr = '';
  #fruitlessStarts = 0;

  constructor(repo: string, env: Readonly<Record<string, string>>) {
    this.#repo = repo;
    this.#env = env;
  }

  get pending(): number {
    return this.#requests.length - this.#head;
  }

  /**
   * Undefined when there is no such object.
   *
   * @throws {WaymarkError} `VAL_TOO_LARGE` above `limitBytes`, without reading the
   *   body; `REG_CORRUPT` when git cannot read the object, `RES_UNAVAILABLE` when
   *   it was killed
   */
  ask(command: 'contents' | 'info', spec: string, limitBytes: number): Promise<Answer | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
    const request = { command, spec, limitBytes, wasRetried: false, resolve, reject };
    this.#requests.push(request);
    this.#send(request);
    return promise;
  }

  /** A new process, for another repository in the place of this one; what is asked is asked again. */
  reopen(): void {
    const child = this.#abandon();
    if (child) stopChild(child);
    this.#sendAgain();
  }

  close(): void {
    const child = this.#abandon();
    child?.stdin?.end();
    if (child) stopChild(child);
    this.#failAll(new WaymarkError('RES_UNAVAILABLE', 'the repository was closed: retry'));
  }

  #send({ command, spec }: Request): void {
    this.#outbox.push(`${command} ${spec}\n`);
    if (this.#outbox.length % (FLUSH_EVERY + 1) === FLUSH_EVERY) this.#outbox.push('flush\n');
    // All that is asked in one turn goes out in one write.
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    this.#child ??= this.#start();
    this.#child.stdin?.write(`${this.#outbox.join('')}flush\n`);
    this.#outbox = [];
  }

  #start(): ChildProcess {
    const args = [`--git-dir=${this.#repo}`, 'cat-file', '--batch-command', '--buffer'];
    const child = spawnGit(args, { env: this.#env, stdio: ['pipe', 'pipe', 'pipe'] });
    const isCurrent = () => this.#child === child;
    this.#stderr = '';
    this.#fruitlessStarts += 1;
    child.stdin?.on('error', () => {}); // 'close' tells the same, with the reason
    child.stdout?.on('data', (chunk: Buffer) => isCurrent() && this.#take(chunk));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4096);
    });
    child.once('error', (error) => isCurrent() && this.#died(null, null, error));
    child.once('close', (code, signal) => isCurrent() && this.#died(code, signal));
    return child;
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    while (this.#header ? this.#readBody(this.#header) : this.#readLine());
  }

  /** False when more bytes are needed. */
  #readBody(header: Answer): boolean {
    const body = this.#received.take(header.size + 1);
    if (body) this.#finish({ ...header, content: body.subarray(0, header.size) });
    return body !== undefined;
  }

  #readLine(): boolean {
    const line = this.#received.takeLine();
    if (line !== undefined) this.#readHeader(line);
    return line !== undefined;
  }

  #readHeader(line: string): void {
    const request = this.#requests[this.#head];
    const answer = parseHeader(line);
    if (!answer || request?.command !== 'contents') this.#finish(answer);
    else if (answer.size <= request.limitBytes) this.#header = answer;
    else this.#skip(answer, request.limitBytes);
  }

  #skip(answer: Answer, limitBytes: number): void {
    // The body is on its way and may be gigabytes: a new process is cheaper than reading past it.
    this.#shift()?.reject(tooLarge(answer, limitBytes));
    this.#abandon()?.kill('SIGKILL');
    this.#sendAgain();
  }

  #finish(answer: Answer | undefined): void {
    this.#header = undefined;
    this.#fruitlessStarts = 0;
    this.#shift()?.resolve(answer);
  }

  #shift(): Request | undefined {
    const request = this.#requests[this.#head];
    if (request) this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#head);
      this.#head = 0;
    }
    return request;
  }

  /** Only the request that was being answered can be at fault; the others are asked again. */
  #died(exitCode: number | null, signal: string | null, cause?: Error): void {
    const failure = new GitError('cat-file', { exitCode, signal, stderr: this.#stderr }, { cause });
    this.#abandon();
    if (this.pending === 0) return;
    const isUnreadable = exitCode !== null && !/not a git repository/.test(this.#stderr);
    const request = this.#requests[this.#head];
    if (isUnreadable) this.#shift()?.reject(unreadable(request?.spec ?? '', failure));
    else if (request?.wasRetried) this.#shift()?.reject(unavailable(failure));
    else if (request) request.wasRetried = true;
    if (this.#fruitlessStarts >= MAX_FRUITLESS_STARTS) this.#failAll(unavailable(failure));
    else this.#sendAgain();
  }

  #sendAgain(): void {
    this.#outbox = [];
    for (const request of this.#requests.slice(this.#head)) this.#send(request);
  }

  #failAll(error: WaymarkError): void {
    this.#fruitlessStarts = 0;
    this.#outbox = [];
    const failed = this.#requests.slice(this.#head);
    this.#requests = [];
    this.#head = 0;
    for (const request of failed) request.reject(error);
  }

  #abandon(): ChildProcess | undefined {
    const child = this.#child;
    this.#child = undefined;
    this.#header = undefined;
    this.#received.clear();
    return child;
  }
}

/** Undefined for what git says of an object that is not there. */
function parseHeader(line: string): Answer | undefined {
  const [, oid, kind, size] = HEADER.exec(line) ?? [];
  if (!oid) return undefined;
  return { oid, kind: kind as ObjectKind, size: Number(size), content: Buffer.alloc(0) };
}

const tooLarge = ({ oid, size }: Answer, limitBytes: number) =>
  new WaymarkError('VAL_TOO_LARGE', `object ${oid} has ${size} bytes, the limit is ${limitBytes}`);

const unreadable = (spec: string, cause: GitError) =>
  new WaymarkError(
    'REG_CORRUPT',
    `object ${spec} cannot be read from the repository`,
    {},
    { cause },
  );

const unavailable = (cause: GitError) =>
  new WaymarkError('RES_UNAVAILABLE', 'the repository cannot be read now: retry', {}, { cause });
