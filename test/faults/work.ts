import { openDatabase } from '../../src/database/open.ts';
import { createStores, type Stores } from '../../src/database/stores.ts';
import type { WakeupQueue } from '../../src/queue/job.ts';
import { type JobHandler, Jobs } from '../../src/queue/jobs.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

/** A worker on a database file that others may work on too. */
export interface Work {
  stores: Stores;
  jobs: Jobs;
  close(): Promise<void>;
}

export interface WorkOptions {
  file: string;
  queue: WakeupQueue;
  /** Called within every run, before it writes. */
  during: JobHandler;
  clock?: () => number;
  lockMs?: number;
  /** What it has written, or that it wrote nothing since another had begun. */
  onWritten?: (isWritten: boolean) => void;
}

/** Each job of `step` changes the state of its org once: a row, and an audit entry. */
export async function openWork(options: WorkOptions): Promise<Work> {
  const { file, queue, during, clock = Date.now, lockMs = 60_000, onWritten } = options;
  const database = await openDatabase({ file });
  const stores = createStores(database);
  const log = { info() {}, warn() {}, error() {} };
  const jobs = new Jobs({ jobs: stores.jobs, queue, clock, log, lockMs });
  jobs.define('step', {
    async run(run) {
      await during(run);
      const org = run.org!;
      const entry = makeEntry({ tenant: org, action: 'step.done', resource: String(run.epoch) });
      const state = { org, since: entry.at, reason: `epoch ${run.epoch}` };
      onWritten?.(await stores.quarantines.begin(state, run, entry));
    },
  });
  async function close(): Promise<void> {
    await jobs.stop();
    await database.close();
  }
  return { stores, jobs, close };
}

/** So many orgs, with one job each. */
export async function addSteps({ stores, jobs }: Work, count: number): Promise<string[]> {
  const orgs = Array.from({ length: count }, (_, i) => `org-${i}`);
  for (const org of orgs) {
    await stores.orgs.insert(makeOrg(org), makeEntry({ tenant: '*' }));
    await jobs.schedule({ org, kind: 'step', key: '' });
  }
  return orgs;
}

/** How often each org's state was changed. */
export async function changesOf({ stores }: Work, orgs: readonly string[]): Promise<number[]> {
  const logs = await Promise.all(orgs.map((org) => stores.audit.list(org, 0, 100)));
  return logs.map((log) => log.filter(({ action }) => action === 'step.done').length);
}
