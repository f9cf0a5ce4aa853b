import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from '../audit/logger.ts';
import type { Wakeup, WakeupQueue } from './job.ts';
import { connectRedis, sayOnce } from './redis.ts';

export interface BullmqOptions {
  url: string;
  concurrency: number;
  log: Logger;
  /** Before every key. */
  prefix?: string;
}

const NAME = 'jobs';

/** Wake-ups through Redis, for any process that works on the same database. */
export function createBullmqQueue(options: BullmqOptions): WakeupQueue {
  const { url, concurrency, log, prefix = 'waymark' } = options;
  const sending = connectRedis(url, log);
  const queue = new Queue<Wakeup>(NAME, {
    connection: sending,
    prefix,
    skipWaitingForReady: true,
    skipMetasUpdate: true,
    // One that stayed would be in the way of the next of its name.
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  queue.on('error', () => {}); // said by the connection
  let worker: Worker<Wakeup> | undefined;
  let receiving: Redis | undefined;

  return {
    start(run) {
      // Without a limit: the worker waits for Redis as long as it takes.
      receiving = new Redis(url, { maxRetriesPerRequest: null });
      receiving.on('error', sayOnce(log));
      worker = new Worker<Wakeup>(NAME, ({ data }) => run(data.id), {
        connection: receiving,
        prefix,
        concurrency,
      });
      worker.on('error', () => {});
    },

    send(wakeup, delayMs) {
      if (sending.status !== 'ready') return;
      queue.add(NAME, wakeup, { jobId: nameOf(wakeup), delay: delayMs }).catch(() => {});
    },

    isReachable: () => sending.status === 'ready',

    async stop() {
      await worker?.close();
      await queue.close();
      receiving?.disconnect();
      sending.disconnect();
    },
  };
}

/** The same for the same hint, which is then kept once; BullMQ takes no colon. */
const nameOf = ({ id, epoch, runAt }: Wakeup): string =>
  encodeURIComponent(`${id}.${epoch}.${runAt}`);
