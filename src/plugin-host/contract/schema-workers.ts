import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
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
    await once(worker, 'message');
    return worker;
  }

  /** Until one of the `most` places is free. */
  async function enter(): Promise<void> {
    if (busy >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy++;
    if (isClosed) throw new WaymarkError('RES_UNAVAILABLE', 'the server is stopping');
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
    idleTimer = setTimeout(stopIdle, idleMs).unref();
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
        const answer = await answerOf(worker, question, deadlineMs);
        keep(worker);
        return answer;
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

async function answerOf(
  worker: Worker,
  question: SchemaQuestion,
  deadlineMs: number,
): Promise<SchemaAnswer> {
  let answer: SchemaAnswer | undefined;
  const ending = new AbortController();
  const answered = once(worker, 'message', { signal: ending.signal }).then(([message]) => {
    answer = message as SchemaAnswer;
  });
  // It ends with an error of its own when it has used up its memory.
  const exited = once(worker, 'exit', { signal: ending.signal });
  const late = new Promise((resolve) => {
    const timer = setTimeout(resolve, deadlineMs);
    ending.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  worker.postMessage(question);
  await Promise.allSettled([Promise.race([answered, exited, late])]);
  // Had this thread been held up itself, the answer may lie there already.
  if (!answer) await setImmediate();
  ending.abort();
  await Promise.allSettled([answered, exited]);
  if (answer) return answer;
  stop(worker);
  const message = `the plugin's schema takes more than ${deadlineMs} ms`;
  throw new WaymarkError('PLG_SCHEMA_TIMEOUT', message);
}
