import type { Kysely, Transaction } from 'kysely';
import { failpoint } from '../model/failpoint.ts';
import type { JobOrder, Wakeup } from '../queue/job.ts';
import { scheduleJob } from './job-store.ts';
import type { Scheduling } from './scheduling.ts';
import type { Tables } from './tables.ts';

/** @param now RFC 3339 */
export type Schedule = (order: JobOrder, now: string) => Promise<void>;

/** A transaction whose jobs are announced once it is committed. */
export async function transactWithJobs<T>(
  db: Kysely<Tables>,
  scheduling: Scheduling,
  work: (tx: Transaction<Tables>, schedule: Schedule) => Promise<T>,
): Promise<T> {
  const jobs: Wakeup[] = [];
  const result = await db.transaction().execute(async (tx) => {
    jobs.length = 0;
    return await work(tx, async (order, now) => {
      jobs.push(await scheduleJob(tx, order, now));
    });
  });
  if (jobs.length > 0) await failpoint('events.written');
  for (const job of jobs) scheduling.announce(job);
  return result;
}
