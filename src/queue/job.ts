import type { Fence } from '../model/fence.ts';

/**
 * One piece of work behind the scenes: a row, whose state only the database
 * tells. There is one row for each thing to do, however often it is done.
 */
export interface Job extends Fence {
  /** `<org or *>/<kind>/<key>` */
  id: string;
  /** Null: the site's. */
  org: string | null;
  kind: string;
  /** What of its kind is to be done. May be empty. */
  key: string;
  payload: unknown;
  state: 'pending' | 'running' | 'done' | 'failed';
  /** Runs begun. */
  epoch: number;
  /** Runs in a row that failed. */
  failures: number;
  /** When a pending one is due. */
  runAt: string;
  /** For what was asked for while it ran: it then runs once more. */
  nextRunAt: string | null;
  /** A running one that has not said otherwise by then is taken for dead. */
  lockedUntil: string | null;
  /** Of the last failed run. May name server paths: for the log and the database alone. */
  lastError: string | null;
  changedAt: string;
}

export type JobOrder = Pick<Job, 'org' | 'kind' | 'key' | 'payload' | 'runAt'>;

/**
 * `againAt` null: not again, unless it was asked for meanwhile. One that was
 * `released` was given up unfinished, which is nobody's failure.
 */
export type RunEnd =
  | { outcome: 'done'; againAt: string | null }
  | { outcome: 'failed'; againAt: string | null; error: string }
  | { outcome: 'released'; againAt: string };

/** Every time is RFC 3339 in UTC; `now` is the caller's clock, since databases have their own. */
export interface JobStore {
  /** Told, after the commit, of each job that came with what another store wrote, by this process. */
  onScheduled(listener: (job: Wakeup) => void): void;
  /**
   * A pending one becomes due no later than `runAt`; one that runs will run once
   * more; one that has ended begins anew.
   */
  schedule(order: JobOrder, now: string): Promise<Job>;
  /** As `schedule` where there is no such job; else changes nothing. */
  ensure(order: JobOrder, now: string): Promise<void>;
  /** Starts a run of a job that is due, or whose last run died. One of several callers gets it. */
  claim(id: string, now: string, lockedUntil: string): Promise<Job | undefined>;
  /** False when another run has begun: this one's lock is lost. */
  extend(run: Fence, lockedUntil: string): Promise<boolean>;
  /** Undefined, and nothing written, when another run has begun. */
  finish(run: Fence, end: RunEnd, now: string): Promise<Job | undefined>;
  /** Pending and due before `soon`, or running with a lock from before `now`; the longest due first. */
  listDue(now: string, soon: string): Promise<Job[]>;
  /** Failed at least `failures` times in a row. */
  listTroubled(failures: number): Promise<Job[]>;
  countByState(): Promise<Readonly<Partial<Record<Job['state'], number>>>>;
  /** Done or failed, and unchanged since before. Answers how many. */
  removeEnded(before: string): Promise<number>;
}

export const jobId = ({ org, kind, key }: Pick<Job, 'org' | 'kind' | 'key'>): string =>
  `${org ?? '*'}/${kind}/${key}`;

/** A hint that a job is due. It may be lost, late or given twice. */
export type Wakeup = Pick<Job, 'id' | 'epoch' | 'runAt'>;

/** Carries hints from whoever schedules to whoever works, in this process or another. */
export interface WakeupQueue {
  /**
   * @param run called for each, several at once; it never rejects
   * @param onReachable called when hints can be sent, or can be again: all before may be lost
   */
  start(run: (id: string) => Promise<void>, onReachable: () => void): void;
  /** Never waits for what is away: the reconciler sends it again. */
  send(wakeup: Wakeup, delayMs: number): void;
  isReachable(): boolean;
  /** Takes no more, and waits for what runs. */
  stop(): Promise<void>;
}
