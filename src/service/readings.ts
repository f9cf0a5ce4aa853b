import type { Reading } from '../http/metrics.ts';
import type { Jobs } from '../queue/jobs.ts';
import { diskSpaceOf } from './disk.ts';
import { readingsOfEvents } from './event-readings.ts';
import { readingsOfPlugins } from './plugin-readings.ts';
import type { Parts } from './routers.ts';

export type Read = Pick<
  Parts,
  'runtimes' | 'mirrors' | 'plugins' | 'events' | 'outbox' | 'clock'
> & { jobs: Jobs };

type Sample = { labels: { org: string }; value: number };

/** What the service tells of itself to whoever watches it. */
export const readingsOf = (dataDir: string, { jobs, ...parts }: Read): Reading[] => [
  ...readingsOfOrgs(parts),
  ...readingsOfJobs(jobs),
  ...readingsOfPlugins(parts),
  ...readingsOfEvents(parts),
  {
    name: 'storage_free_bytes',
    help: 'What may still be written to the volume of the data directory.',
    read: async () => [{ value: (await diskSpaceOf(dataDir)).freeBytes }],
  },
];

function readingsOfJobs(jobs: Jobs): Reading[] {
  return [
    {
      name: 'jobs',
      help: 'Jobs that wait, that run, and that fail again and again.',
      labels: ['state'],
      async read() {
        const { pending, running, troubled } = await jobs.health();
        const states = { pending, running, troubled: troubled.length };
        return Object.entries(states).map(([state, value]) => ({ labels: { state }, value }));
      },
    },
    {
      name: 'queue_reachable',
      help: '0 where Redis is away, and jobs wait for the next look at the database.',
      read: async () => [{ value: Number((await jobs.health()).isQueueReachable) }],
    },
  ];
}

function readingsOfOrgs({ runtimes, mirrors }: Pick<Read, 'runtimes' | 'mirrors'>): Reading[] {
  const perOrg =
    (value: (runtime: ReturnType<typeof runtimes.all>[number]) => number) => async () =>
      runtimes.all().map(
        (runtime): Sample => ({
          labels: { org: runtime.org.slug },
          value: value(runtime),
        }),
      );
  const reads = (kind: 'blobs' | 'trees' | 'commits') => ({
    labels: { kind },
    value: runtimes.all().reduce((sum, { pool }) => sum + pool.counters[kind], 0),
  });
  return [
    {
      name: 'registry_diagnostics',
      help: 'Diagnostics that keep main from being served; 0 where it is.',
      labels: ['org'],
      read: perOrg(({ diagnostics }) => diagnostics.length),
    },
    {
      name: 'activation_sequence',
      help: 'X-Waymark-Seq: it grows with each activation.',
      labels: ['org'],
      read: perOrg(({ maybeView }) => maybeView?.sequence ?? 0),
    },
    {
      name: 'audit_gap',
      help: '1 where a ref was found that the audit log does not explain.',
      labels: ['org'],
      read: perOrg(({ hasAuditGap }) => Number(hasAuditGap)),
    },
    {
      name: 'mirror_conditions',
      help: 'What keeps a mirror from following its upstream, by kind.',
      labels: ['org', 'kind'],
      read: async () => {
        const groups = Map.groupBy(mirrors.health(), ({ org, kind }) => `${org} ${kind}`).values();
        return [...groups].map((all) => {
          const { org, kind } = all[0]!;
          return { labels: { org, kind }, value: all.length };
        });
      },
    },
    {
      name: 'git_objects_read',
      help: 'Objects that were read from repositories since the start.',
      labels: ['kind'],
      read: async () => [reads('blobs'), reads('trees'), reads('commits')],
    },
  ];
}
