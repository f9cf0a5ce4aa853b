import { once } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { WaymarkError } from '../../model/errors.ts';
import type { SchemaAnswer, SchemaQuestion } from './schema-worker.ts';

export interface SchemaWorkers {
  /** @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT` */
  ask(question: SchemaQuestion): Promise<SchemaAnswer>;
  close(): void;
}

/** A schema that unfolds without end dies of it, alone. */
const HEAP_MB = 64;
/** What is started already by then has not failed, but the machine has. */
const START_MS = 30_000;

/** One question to a worker at a time, so that who takes too long takes nobody with it. */
export function createSchemaWorkers({
  deadlineMs,
  most,
  idleMs,
}: {
  deadlineMs: number;
  most: number;
  idleMs: number;
}): SchemaWorkers {
  const idle: Worker[] = [];
  const alive = new Set<Worker>();
  const waiting: (() => void)[] = [];
  let busy = 0;
  let isClosed = false;
  let idleTimer: NodeJS.Timeout | undefined;

  async function start(): Promise<Worker> {
    const url = import.meta.url.replace('schema-workers', 'schema-worker');
    const worker = new Worker(new URL(url), {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    alive.add(worker);
    // Whoever asked it is told by the same event; while it is idle, nobody has to know.
    worker.on('error', () => {});
    worker.once('exit', () => {
      alive.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
    });
    if ((await nextMessage(worker, START_MS)) === undefined || isClosed) {
      stop(worker);
      throw stopping();
    }
    return worker;
  }

  /** Until one of the `most` places is free. */
  async function enter(): Promise<void> {
    if (busy >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy++;
    if (isClosed) throw stopping();
  }

  function leave(): void {
    const next = waiting.shift();
    // The place is handed on: whoever comes meanwhile waits behind.
    if (next) next();
    else busy--;
  }

  function keep(worker: Worker): void {
    worker.unref();
    idle.push(worker);
    clearTimeout(idleTimer);
    idleTimer = globalThis.setTimeout(stopIdle, idleMs).unref();
  }

  const stopIdle = () => {
    for (const worker of idle.splice(0)) stop(worker);
  };

  return {
    async ask(question) {
      await enter();
      try {
        const worker = idle.pop() ?? (await start());
        worker.ref();
        worker.postMessage(question);
        const answer = await nextMessage(worker, deadlineMs);
        if (answer === undefined) {
          stop(worker);
          throw isClosed ? stopping() : tooLong(deadlineMs);
        }
        keep(worker);
        return answer as SchemaAnswer;
      } finally {
        leave();
      }
    },

    close() {
      isClosed = true;
      clearTimeout(idleTimer);
      for (const worker of alive) stop(worker);
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
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

const stopping = () => new WaymarkError('RES_UNAVAILABLE', 'the server is stopping');
const tooLong = (deadlineMs: number) =>
  new WaymarkError('PLG_SCHEMA_TIMEOUT', `the plugin's schema takes more than ${deadlineMs} ms`);
