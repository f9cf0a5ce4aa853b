import { once } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { sha256Hex } from '../../model/digest.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { SchemaAnswer, SchemaQuestion } from './schema-worker.ts';

/** A schema that unfolds without end dies of it, alone. */
const HEAP_MB = 64;
/** What is started already by then has not failed, but the machine has. */
const START_MS = 30_000;
/** How long a schema that once took too long is asked only after the others like it. */
const SLOW_MS = 5 * 60_000;
const MOST_SLOW = 1000;
const MOST_IN_ROW = 32;

export interface SchemaWorkersTerms {
  deadlineMs: number;
  /** At once. */
  most: number;
  idleMs: number;
}

/** One question to a worker at a time, so that who takes too long takes nobody with it. */
export class SchemaWorkers {
  readonly #terms: SchemaWorkersTerms;
  readonly #alive = new Set<Worker>();
  readonly #waiting: (() => void)[] = [];
  #idle: Worker[] = [];
  #busy = 0;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Schemas that took too long, by digest. */
  readonly #slow = new LRUCache<string, true>({ max: MOST_SLOW, ttl: SLOW_MS });
  #row: Promise<unknown> = Promise.resolve();
  #inRow = 0;

  constructor(terms: SchemaWorkersTerms) {
    this.#terms = terms;
  }

  /** @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT`, `PLG_BUSY`, `RES_UNAVAILABLE` once closed */
  async ask(question: SchemaQuestion): Promise<SchemaAnswer> {
    const digest = sha256Hex(question.schema);
    const asking = () =>
      this.#askOne(question).catch((error: unknown) => {
        if (isTooLong(error)) this.#slow.set(digest, true);
        throw error;
      });
    return this.#slow.has(digest) ? await this.#inTurn(asking) : await asking();
  }

  /** All of them have one worker: whoever asks them without an end leaves the others to everybody. */
  async #inTurn<T>(asking: () => Promise<T>): Promise<T> {
    if (this.#inRow >= MOST_IN_ROW) {
      throw new WaymarkError('PLG_BUSY', 'too many slow schemas are being checked: retry');
    }
    this.#inRow += 1;
    const turn = this.#row.then(asking);
    this.#row = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#inRow -= 1;
    }
  }

  async #askOne(question: SchemaQuestion): Promise<SchemaAnswer> {
    await this.#enter();
    try {
      const worker = this.#idle.pop() ?? (await this.#start());
      worker.ref();
      worker.postMessage(question);
      const answer = await nextMessage(worker, this.#terms.deadlineMs);
      if (answer === undefined) {
        stop(worker);
        throw this.#isClosed ? stopping() : tooLong(this.#terms.deadlineMs);
      }
      this.#keep(worker);
      return answer as SchemaAnswer;
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    for (const worker of this.#alive) stop(worker);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Until one of the places is free. */
  async #enter(): Promise<void> {
    if (this.#isClosed) throw stopping();
    if (this.#busy < this.#terms.most) this.#busy++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isClosed) throw stopping();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The place is handed on: whoever comes meanwhile waits behind.
    if (next) next();
    else this.#busy--;
  }

  async #start(): Promise<Worker> {
    const url = import.meta.url.replace('schema-workers', 'schema-worker');
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB };
    const worker = new Worker(new URL(url), { env: {}, resourceLimits });
    this.#alive.add(worker);
    // Whoever asked it is told by the same event; while it is idle, nobody has to know.
    worker.on('error', () => {});
    worker.once('exit', () => {
      this.#alive.delete(worker);
      this.#idle = this.#idle.filter((other) => other !== worker);
    });
    if ((await nextMessage(worker, START_MS)) === undefined || this.#isClosed) {
      stop(worker);
      throw stopping();
    }
    return worker;
  }

  #keep(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
    clearTimeout(this.#idleTimer);
    const stopIdle = () => {
      for (const idle of this.#idle.splice(0)) stop(idle);
    };
    this.#idleTimer = globalThis.setTimeout(stopIdle, this.#terms.idleMs).unref();
  }
}

/** Nobody waits for its end: it may be in a loop. */
function stop(worker: Worker): void {
  void worker.terminate();
}

/** Undefined when it ends without one, or says nothing for so long. */
async function nextMessage(worker: Worker, withinMs: number): Promise<unknown> {
  let message: unknown;
  const ending = new AbortController();
  const { signal } = ending;
  const said = once(worker, 'message', { signal }).then((first) => {
    [message] = first as unknown[];
  });
  // It ends with an error of its own when it has used up its memory.
  const ended = once(worker, 'exit', { signal });
  const late = setTimeout(withinMs, undefined, { signal });
  await Promise.race([said, ended, late].map(settled));
  // Had this thread been held up itself, the message may lie there already.
  if (message === undefined) await setImmediate();
  ending.abort();
  await Promise.all([said, ended, late].map(settled));
  return message;
}

const settled = (promise: Promise<unknown>): Promise<void> =>
  promise.then(
    () => {},
    () => {},
  );

const isTooLong = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'PLG_SCHEMA_TIMEOUT';
const stopping = () => new WaymarkError('RES_UNAVAILABLE', 'the server is stopping');
const tooLong = (deadlineMs: number) =>
  new WaymarkError('PLG_SCHEMA_TIMEOUT', `the plugin's schema takes more than ${deadlineMs} ms`);
