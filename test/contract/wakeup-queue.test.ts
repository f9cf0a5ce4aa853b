import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBullmqQueue } from '../../src/queue/bullmq.ts';
import { createInProcessQueue } from '../../src/queue/in-process.ts';
import type { WakeupQueue } from '../../src/queue/job.ts';
import { redisServer } from '../support/backends.ts';
import { silentLog } from '../support/jobs.ts';

const CONCURRENCY = 3;
const hint = (id: string, epoch = 0) => ({ id, epoch, runAt: '2026-03-01T12:00:00.000Z' });

function contract(name: string, create: () => WakeupQueue): void {
  describe(`WakeupQueue (${name})`, () => {
    let queue: WakeupQueue;
    let seen: string[];
    /** How a run goes on: by default, it ends at once. */
    let work: (id: string) => Promise<void>;
    let look: () => void;

    beforeEach(async () => {
      queue = create();
      seen = [];
      work = async () => {};
      const { promise: reachable, resolve } = Promise.withResolvers<void>();
      const run = async (id: string) => {
        seen.push(id);
        look?.();
        await work(id);
      };
      queue.start(run, resolve);
      await reachable;
    });
    afterEach(() => queue.stop());

    const until = (isDone: () => boolean) =>
      new Promise<void>((resolve) => {
        look = () => isDone() && resolve();
        look();
      });

    it('runs what is sent', async () => {
      queue.send(hint('acme/upkeep/'), 0);
      queue.send(hint('acme/fsck/a:b ö'), 0);

      await until(() => seen.length === 2);

      expect(seen.toSorted()).toEqual(['acme/fsck/a:b ö', 'acme/upkeep/']);
      expect(queue.isReachable()).toBe(true);
    });

    it('waits for the delay', async () => {
      queue.send(hint('later'), 300);
      queue.send(hint('now'), 0);

      await until(() => seen.length === 2);

      expect(seen).toEqual(['now', 'later']);
    });

    it('keeps a hint once until its time, and takes it again afterwards', async () => {
      for (let i = 0; i < 5; i++) queue.send(hint('twice'), 50);
      queue.send(hint('mark'), 200);
      await until(() => seen.includes('mark'));
      expect(seen).toEqual(['twice', 'mark']);

      queue.send(hint('twice'), 0);
      await until(() => seen.length === 3);

      expect(seen[2]).toBe('twice');
    });

    it('runs several at once, and no more than it may', async () => {
      let most = 0;
      let now = 0;
      const gate = Promise.withResolvers<void>();
      work = async () => {
        most = Math.max(most, ++now);
        if (now === CONCURRENCY) gate.resolve();
        await gate.promise;
        now -= 1;
      };

      for (let i = 0; i < 9; i++) queue.send(hint(`job ${i}`), 0);
      await until(() => seen.length === 9);

      expect(most).toBe(CONCURRENCY);
    });

    it('stop waits for what runs, and begins nothing more', async () => {
      const gate = Promise.withResolvers<void>();
      let isDone = false;
      work = async () => {
        await gate.promise;
        isDone = true;
      };
      queue.send(hint('slow'), 0);
      await until(() => seen.length === 1);
      queue.send(hint('never'), 200);

      const stopping = queue.stop();
      gate.resolve();
      await stopping;

      expect(isDone).toBe(true);
      expect(seen).toEqual(['slow']);
    });
  });
}

contract('in-process', () => createInProcessQueue(CONCURRENCY));

const url = await redisServer();
if (url === undefined) describe.skip('WakeupQueue (BullMQ, for want of Redis)');
else {
  contract('BullMQ', () =>
    createBullmqQueue({
      url,
      concurrency: CONCURRENCY,
      log: silentLog,
      prefix: `test-${randomUUID()}`,
    }),
  );
}
