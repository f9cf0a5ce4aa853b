import type { QuarantineStore } from '../../../src/delivery/quarantine.ts';
import type { Fence } from '../../../src/model/fence.ts';
import { type Job, type JobStore, jobId } from '../../../src/queue/job.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

const isAnyOf =
  (...states: Job['state'][]) =>
  ({ state }: Job) =>
    states.includes(state);

const runningIn = (memory: Memory, { id, epoch }: Fence) =>
  memory.jobs.find((job) => job.id === id && job.epoch === epoch && job.state === 'running');

const isDue = ({ state, runAt, lockedUntil }: Job, now: string, soon: string) =>
  (state === 'pending' && runAt <= soon) || (state === 'running' && lockedUntil! < now);

export function memoryJobStore(memory: Memory): JobStore {
  const find = (id: string) => memory.jobs.find((job) => job.id === id);

  const ensure: JobStore['ensure'] = async (order, now) => {
    if (order.org !== null) memory.requireOrg(order.org);
    if (find(jobId(order))) return;
    const fresh = { state: 'pending', epoch: 0, failures: 0, lastError: null } as const;
    const times = { nextRunAt: null, lockedUntil: null, changedAt: now };
    memory.jobs.push(copy({ ...order, ...fresh, ...times, id: jobId(order) }));
  };

  return {
    ensure,

    async schedule(order, now) {
      const job = find(jobId(order));
      if (!job) {
        await ensure(order, now);
        return copy(find(jobId(order))!);
      }
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
