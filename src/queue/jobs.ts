import type { Logger } from '../audit/logger.ts';
import { type Clock, toTime } from '../model/clock.ts';
import {
  type Job,
  type JobOrder,
  type JobStore,
  jobId,
  type RunEnd,
  type Wakeup,
  type WakeupQueue,
} from './job.ts';
import { type JobHandler, type Run, runLocked } from './run.ts';

export type { JobHandler, Run };

export interface JobsDeps {
  jobs: JobStore;
  queue: WakeupQueue;
  clock: Clock;
  log: Logger;
  /** How long a run that says nothing counts as alive. */
  lockMs?: number;
}

/** What is to be done, by default at once. Asked for again before it has begun, it is done once. */
export type Order = Omit<JobOrder, 'payload' | 'runAt'> & { payload?: unknown; runAtMs?: number };

export interface JobDefinition {
  run: JobHandler;
  /** Done again so long after each end; without one, when it is scheduled. */
  everyMs?: number;
  /** In a row, before it is given up until it is asked for again. */
  mostFailures?: number;
}

export interface JobHealth {
  isQueueReachable: boolean;
  pending: number;
  running: number;
  /** What has failed too often in a row. */
  troubled: readonly Pick<Job, 'org' | 'kind' | 'key' | 'failures'>[];
}

const RECONCILE_MS = 30_000;
const LOCK_MS = 60_000;
const STOP_MS = 8_000;
const MOST_FAILURES = 5;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;

/**
 * Runs jobs. The database alone says what is to be done: a wake-up that Redis or
 * a killed process loses is sent again by the reconciler.
 */
export class Jobs {
  readonly #deps: JobsDeps;
  readonly #definitions = new Map<string, JobDefinition>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: JobsDeps) {
    this.#deps = deps;
    deps.jobs.onScheduled((job) => this.#wake(job));
  }

  define(kind: string, definition: JobDefinition): void {
    this.#definitions.set(kind, definition);
  }

  async schedule(order: Order): Promise<void> {
    const now = this.#deps.clock();
    const storing = this.#deps.jobs.schedule(orderAt(order, now), toTime(now));
    this.#wake(await this.#track(storing));
  }

  /** Makes sure that a job exists: one that is there is left as it is, done or not. */
  async ensure(order: Order): Promise<void> {
    const now = this.#deps.clock();
    const wanted = orderAt(order, now);
    await this.#track(this.#deps.jobs.ensure(wanted, toTime(now)));
    // For one that is new; to any other it says nothing.
    this.#wake({ id: jobId(wanted), epoch: 0, runAt: wanted.runAt });
  }

  start(): void {
    const look = () => void this.#reconcileAlone();
    this.#timer = setInterval(look, RECONCILE_MS).unref();
    this.#deps.queue.start((id) => this.#track(this.#run(id)), look);
  }

  /** Wakes whatever is due, and whatever a dead worker left. */
  async reconcile(): Promise<void> {
    const now = this.#deps.clock();
    const due = await this.#deps.jobs.listDue(toTime(now), toTime(now + RECONCILE_MS));
    for (const job of due) this.#wake(job);
  }

  async health(): Promise<JobHealth> {
    const { jobs, queue } = this.#deps;
    const [counts, troubled] = await Promise.all([
      jobs.countByState(),
      jobs.listTroubled(MOST_FAILURES),
    ]);
    return {
      isQueueReachable: queue.isReachable(),
      pending: counts.pending ?? 0,
      running: counts.running ?? 0,
      troubled: troubled.map(({ org, kind, key, failures }) => ({ org, kind, key, failures })),
    };
  }

  /** What runs is told to end, and begins anew elsewhere; what will not is left to its lock. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STOP_MS);
    await Promise.race([Promise.allSettled(this.#running), tooLate]);
    await Promise.race([this.#deps.queue.stop(), tooLate]);
    clearTimeout(timer);
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  #wake({ id, epoch, runAt }: Wakeup): void {
    const delayMs = Math.max(0, Date.parse(runAt) - this.#deps.clock());
    if (delayMs <= RECONCILE_MS) this.#deps.queue.send({ id, epoch, runAt }, delayMs);
  }

  async #reconcileAlone(): Promise<void> {
    await this.reconcile().catch((error: unknown) => {
      this.#deps.log.error({ error }, 'jobs could not be looked through');
    });
  }

  async #run(id: string): Promise<void> {
    try {
      const job = await this.#claim(id);
      if (job) await this.#work(job);
    } catch (error) {
      // Its row still says that it is to be done.
      this.#deps.log.error({ job: id, error }, 'a job could not be run');
    }
  }

  async #claim(id: string): Promise<Job | undefined> {
    const { jobs, clock, lockMs = LOCK_MS } = this.#deps;
    const now = clock();
    // Another version's, which knows what it is; and none while this process stops.
    const isOurs = this.#definitions.has(id.split('/')[1] ?? '');
    if (!isOurs || this.#stopping.signal.aborted) return undefined;
    return await jobs.claim(id, toTime(now), toTime(now + lockMs));
  }

  async #work(job: Job): Promise<void> {
    const { jobs, clock, log, lockMs = LOCK_MS } = this.#deps;
    const definition = this.#definitions.get(job.kind)!;
    const error = await runLocked(job, definition.run, {
      lockMs,
      stopping: this.#stopping.signal,
      extend: () => jobs.extend(job, toTime(clock() + lockMs)),
    });
    const now = clock();
    const end = this.#endOf(job, definition, error);
    const ended = await jobs.finish(job, end, toTime(now));
    const facts = { job: job.id, epoch: job.epoch };
    if (end.outcome === 'failed') log.error({ ...facts, error }, 'a job failed');
    if (!ended) log.warn(facts, 'a job was done by another worker meanwhile');
    else if (ended.state === 'pending') this.#wake(ended);
  }

  #endOf({ failures }: Job, definition: JobDefinition, error: unknown): RunEnd {
    const { everyMs, mostFailures = MOST_FAILURES } = definition;
    const now = this.#deps.clock();
    const nextTurn = everyMs === undefined ? null : toTime(now + everyMs);
    if (error === undefined) return { outcome: 'done', againAt: nextTurn };
    if (this.#stopping.signal.aborted) return { outcome: 'released', againAt: toTime(now) };
    const isGivenUp = failures + 1 >= mostFailures;
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS);
    return {
      outcome: 'failed',
      againAt: isGivenUp ? nextTurn : toTime(now + pauseMs),
      error: String((error as Error).message ?? error).slice(0, 1000),
    };
  }
}

function orderAt({ org, kind, key, payload = null, runAtMs }: Order, now: number): JobOrder {
  return { org, kind, key, payload, runAt: toTime(runAtMs ?? now) };
}
