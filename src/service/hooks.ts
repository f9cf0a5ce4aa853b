import { dispatchEvents } from '../plugin-host/events/dispatch.ts';
import { HOOKS } from '../plugin-host/events/event-store.ts';
import { OUTBOX } from '../plugin-host/events/outbox.ts';
import { sendDue } from '../plugin-host/events/send-due.ts';
import type { Jobs } from '../queue/jobs.ts';
import type { Parts } from './routers.ts';

/** A database may be away for a night: pauses grow to five minutes, so this is about one. */
const MOST_FAILURES = 120;

/** Has hooks called, and webhooks sent, by the jobs that come with what they are about. */
export function openHooks(
  jobs: Jobs,
  parts: Pick<Parts, 'plugins' | 'events' | 'outbox' | 'clock' | 'log'>,
): void {
  const { plugins: host, clock } = parts;
  jobs.define(HOOKS.kind, {
    mostFailures: MOST_FAILURES,
    async run({ org, signal }) {
      const againMs = await dispatchEvents({ ...parts, host }, org!, signal);
      if (againMs === undefined) return;
      await jobs.schedule({ ...HOOKS, org, runAtMs: clock() + againMs });
    },
  });
  jobs.define(OUTBOX.kind, {
    mostFailures: MOST_FAILURES,
    async run({ org, signal }) {
      const next = await sendDue({ ...parts, host, random: Math.random }, org!, signal);
      if (next === undefined) return;
      await jobs.schedule({ ...OUTBOX, org, runAtMs: Date.parse(next) });
    },
  });
}
