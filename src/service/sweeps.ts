import type { Stores } from '../database/stores.ts';
import { removeOldLockouts } from '../identity/lockout.ts';
import { removeExpiredSessions } from '../identity/sessions.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { removeUnusedArtifacts } from '../workers/remove-unused.ts';
import type { Parts } from './routers.ts';

/** Rows of jobs that ended so long ago say nothing to anyone. */
const ENDED_JOB_MS = 7 * 86_400_000;
/** So long one can see what became of events and webhooks. */
const TOLD_MS = 30 * 86_400_000;

/** What time alone makes useless, by the name of what is removed. Each answers how many. */
export const sweepsOver = (
  stores: Stores,
  clock: Clock,
): Readonly<Record<string, () => Promise<number>>> => ({
  sessions: () => removeExpiredSessions(stores.sessions, clock),
  lockouts: () => removeOldLockouts(stores.lockouts, clock),
  webhooks: () => stores.webhooks.sweep(toTime(clock())),
  keptAnswers: () => stores.keptAnswers.sweep(toTime(clock())),
  jobs: () => stores.jobs.removeEnded(toTime(clock() - ENDED_JOB_MS)),
  events: () => stores.events.sweep(toTime(clock() - TOLD_MS)),
  messages: () => stores.outbox.sweep(toTime(clock() - TOLD_MS)),
});

/** Files that nothing refers to any more. */
export const storedFilesOf = (parts: Parts): Readonly<Record<string, () => Promise<number>>> => ({
  artifacts: () => removeUnusedArtifacts(parts),
  bundles: () => parts.bundles.sweep(),
});
