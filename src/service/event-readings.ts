import type { Reading } from '../http/metrics.ts';
import type { Parts } from './routers.ts';

type Watched = Pick<Parts, 'runtimes' | 'events' | 'outbox' | 'clock'>;

interface Sample {
  labels?: { state: string };
  value: number;
}

/** What hooks and receivers of webhooks have not been told yet, by org. */
export function readingsOfEvents({ runtimes, events, outbox, clock }: Watched): Reading[] {
  const ofEvents = (org: string) => events.backlog(org);
  const ofOutbox = (org: string) => outbox.backlog(org);
  const perOrg =
    <T>(backlog: (org: string) => Promise<T>, samples: (backlog: T) => readonly Sample[]) =>
    async () => {
      const orgs = runtimes.all().map(({ org: { slug } }) => slug);
      const read = await Promise.all(orgs.map(async (org) => ({ org, all: await backlog(org) })));
      return read.flatMap(({ org, all }) =>
        samples(all).map(({ labels, value }) => ({ labels: { org, ...labels }, value })),
      );
    };
  const ageOf = ({ oldestAt }: { oldestAt: string | null }): Sample[] => {
    const ageMs = oldestAt === null ? 0 : Math.max(0, clock() - Date.parse(oldestAt));
    return [{ value: ageMs / 1000 }];
  };
  return [
    {
      name: 'hook_events_waiting',
      help: 'Events that some hook may not have heard of.',
      labels: ['org'],
      read: perOrg(ofEvents, ({ waiting: value }) => [{ value }]),
    },
    {
      name: 'hook_events_oldest_seconds',
      help: 'How long ago the oldest of them happened; 0 where there is none.',
      labels: ['org'],
      read: perOrg(ofEvents, ageOf),
    },
    {
      name: 'webhooks',
      help: 'Webhooks that are to be sent, and that were given up; receivers that are gone.',
      labels: ['org', 'state'],
      read: perOrg(ofOutbox, ({ pending, failed, suspended }) =>
        Object.entries({ pending, failed, suspended }).map(([state, value]) => ({
          labels: { state },
          value,
        })),
      ),
    },
    {
      name: 'webhooks_oldest_seconds',
      help: 'How long ago that happened which a receiver waits longest to hear; 0 where none waits.',
      labels: ['org'],
      read: perOrg(ofOutbox, ageOf),
    },
  ];
}
