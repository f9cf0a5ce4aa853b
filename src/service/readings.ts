import type { Reading } from '../http/metrics.ts';
import type { Parts } from './routers.ts';

type Sample = { labels: { org: string }; value: number };

/** What the service tells of itself to whoever watches it. */
export function readingsOf({ runtimes, mirrors }: Parts): Reading[] {
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
