import PQueue from 'p-queue';
import type { WakeupQueue } from './job.ts';

/** Wake-ups within this process, at most `concurrency` at once. */
export function createInProcessQueue(concurrency: number): WakeupQueue {
  const running = new PQueue({ concurrency });
  const timers = new Map<string, NodeJS.Timeout>();
  let run: ((id: string) => Promise<void>) | undefined;

  return {
    start(callback, onReachable) {
      run = callback;
      onReachable();
    },

    send({ id, epoch, runAt }, delayMs) {
      const name = `${id} ${epoch} ${runAt}`;
      if (!run) return;
      clearTimeout(timers.get(name));
      const ring = () => {
        timers.delete(name);
        void running.add(() => run?.(id));
      };
      timers.set(name, setTimeout(ring, delayMs).unref());
    },

    isReachable: () => true,

    async stop() {
      run = undefined;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      await running.onIdle();
    },
  };
}
