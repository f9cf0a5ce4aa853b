import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from '../audit/logger.ts';
import type { Wakeup, WakeupQueue } from './job.ts';
import { connectRedis, retryStrategy, sayOnce } from './redis.ts';

export interface BullmqOptions {
  url: string;
  concurrency: number;
  log: Logger;
  /** Before every key. */
  prefix?: string;
}

const NAME = 'jobs';
const ignore = () => {};

/** Wake-ups through Redis, for any process that works on the same database. */
export function createBullmqQueue(options: BullmqOptions): WakeupQueue {
  const { url, concurrency, log, prefix = 'waymark' } = options;
  const sending = connectRedis(url, log);
  let queue: Queue<Wakeup> | undefined;
  let worker: Worker<Wakeup> | undefined;
  let receiving: Redis | undefined;

  /** Anew for each connection: a queue that met none at its start refuses for good. */
  const open = () => {
    queue = new Queue<Wakeup>(NAME, {
      connection: sending,
      prefix,
      skipMetasUpdate: true,
      // One that stayed would be in the way of the next of its name.
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    queue.on('error', ignore); // the connection tells the same
  };

  return {
    start(run, onReachable) {
      const reached = () => {
        open();
        onReachable();
      };
      if (sending.status === 'ready') reached();
      sending.on('ready', reached);
      // Without a limit: a worker waits for Redis as long as it takes.
      receiving = new Redis(url, { maxRetriesPerRequest: null, retryStrategy });
      receiving.on('error', sayOnce(log));
      const work = ({ data }: { data: Wakeup }) => run(data.id);
      worker = new Worker<Wakeup>(NAME, work, { connection: receiving, prefix, concurrency });
      worker.on('error', ignore);
    },

    send(wakeup, delayMs) {
      if (sending.status !== 'ready') return;
      queue?.add(NAME, wakeup, { jobId: nameOf(wakeup), delay: delayMs }).catch(ignore);
    },

    isReachable: () => sending.status === 'ready',

    async stop() {
      // One that is cut off would wait for ever to say so.
      await worker?.close(sending.status !== 'ready');
      await queue?.close();
      receiving?.disconnect();
      sending.disconnect();
    },
  };
}

/** The same for the same hint, which is then kept once; BullMQ takes no colon. */
const nameOf = ({ id, epoch, runAt }: Wakeup): string =>
  encodeURIComponent(`${id}.${epoch}.${runAt}`);
