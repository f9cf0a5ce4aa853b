import type { QuarantineStore } from '../../../src/delivery/quarantine.ts';
import type { Fence } from '../../../src/model/fence.ts';
import { type Job, type JobOrder, type JobStore, jobId } from '../../../src/queue/job.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

const isAnyOf =
  (...states: Job['state'][]) =>
  ({ state }: Job) =>
    states.includes(state);

const runningIn = (memory: Memory, { id, epoch }: Fence) =>
  memory.jobs.find((job) => job.id === id && job.epoch === epoch && job.state === 'running');

const isDue = ({ state, runAt, lockedUntil }: Job, now: string, soon: string) =>
  (state === 'pending' && runAt <= soon) || (state === 'running' && lockedUntil! < now);

/** Asks for a job, as within the transaction of what is to be done. */
export function scheduleIn(memory: Memory, order: JobOrder, now: string): Job {
  const job = memory.jobs.find(({ id }) => id === jobId(order));
  if (!job) return copy(addJob(memory, order, now));
  const { state, nextRunAt } = job;
  if (state === 'running') {
    job.nextRunAt = nextRunAt !== null && nextRunAt < order.runAt ? nextRunAt : order.runAt;
  } else if (state !== 'pending' || order.runAt < job.runAt) {
    job.runAt = order.runAt;
  }
  if (state !== 'running') job.state = 'pending';
  if (isAnyOf('done', 'failed')({ ...job, state })) job.failures = 0;
  Object.assign(job, { payload: copy(order.payload), changedAt: now });
  return copy(job);
}

function addJob(memory: Memory, order: JobOrder, now: string): Job {
  if (order.org !== null) memory.requireOrg(order.org);
  const fresh = { state: 'pending', epoch: 0, failures: 0, lastError: null } as const;
  const times = { nextRunAt: null, lockedUntil: null, changedAt: now };
  const job = copy({ ...order, ...fresh, ...times, id: jobId(order) });
  memory.jobs.push(job);
  return job;
}

export function memoryJobStore(memory: Memory): JobStore {
  const find = (id: string) => memory.jobs.find((job) => job.id === id);

  return {
    onScheduled: (listener) => void memory.listeners.push(listener),

    schedule: async (order, now) => scheduleIn(memory, order, now),

    async ensure(order, now) {
      if (!find(jobId(order))) addJob(memory, order, now);
    },

    async claim(id, now, lockedUntil) {
      const job = find(id);
      if (!job || !isDue(job, now, now)) return undefined;
      Object.assign(job, { state: 'running', lockedUntil, changedAt: now, epoch: job.epoch + 1 });
      return copy(job);
    },

    async extend(run, lockedUntil) {
      const job = runningIn(memory, run);
      if (job) job.lockedUntil = lockedUntil;
      return job !== undefined;
    },

    async finish(run, end, now) {
      const job = runningIn(memory, run);
      if (!job) return undefined;
      const nextAt = job.nextRunAt ?? end.againAt;
      const state = nextAt === null ? end.outcome : 'pending';
      Object.assign(job, { state, runAt: nextAt ?? job.runAt, changedAt: now });
      Object.assign(job, { lockedUntil: null, nextRunAt: null });
      if (end.outcome === 'done') Object.assign(job, { failures: 0, lastError: null });
      if (end.outcome === 'failed') {
        Object.assign(job, { failures: job.failures + 1, lastError: end.error });
      }
      return copy(job);
    },

    listDue: async (now, soon) =>
      sortedBy(
        memory.jobs.filter((job) => isDue(job, now, soon)),
        'runAt',
      ),

    listTroubled: async (failures) =>
      sortedBy(
        memory.jobs.filter((job) => job.failures >= failures),
        'id',
      ),

    async countByState() {
      const states = Map.groupBy(memory.jobs, ({ state }) => state);
      return Object.fromEntries([...states].map(([state, jobs]) => [state, jobs.length]));
    },

    async removeEnded(before) {
      const isOld = (job: Job) => isAnyOf('done', 'failed')(job) && job.changedAt < before;
      const count = memory.jobs.filter(isOld).length;
      memory.jobs = memory.jobs.filter((job) => !isOld(job));
      return count;
    },
  };
}

export function memoryQuarantineStore(memory: Memory): QuarantineStore {
  const find = (slug: string) => memory.quarantines.find(({ org }) => org === slug);
  return {
    find: async (org) => copy(find(org)),

    async begin(quarantine, run, entry) {
      if (!runningIn(memory, run) || find(quarantine.org)) return false;
      memory.requireOrg(quarantine.org);
      memory.quarantines.push(copy(quarantine));
      memory.append(entry);
      return true;
    },

    async end(org, run, entry) {
      if (!runningIn(memory, run) || !find(org)) return false;
      memory.quarantines = memory.quarantines.filter((each) => each.org !== org);
      memory.append(entry);
      return true;
    },
  };
}
