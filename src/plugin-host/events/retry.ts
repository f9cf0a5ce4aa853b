import { toTime } from '../../model/clock.ts';
import type { OutboxEnd, OutboxMessage } from './outbox.ts';

const HOUR_SEC = 3600;
/** After each attempt that failed, so that a receiver may be away for three days. */
const RETRY_SEC = [5, 300, 1800, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR_SEC)];
/** So that receivers that were away together are not all asked again at once. */
const SPREAD = 0.1;

/** An attempt that failed: when the next one is, or that there is none. */
export function failedAttempt(
  { attempts }: Pick<OutboxMessage, 'attempts'>,
  { status = null, error }: { status?: number | null; error: string },
  { nowMs, random }: { nowMs: number; random: () => number },
): OutboxEnd {
  const waitSec = RETRY_SEC[attempts];
  const changedAt = toTime(nowMs);
  const last = { changedAt, lastStatus: status, lastError: error.slice(0, 1000) };
  if (waitSec === undefined) return { state: 'failed', dueAt: changedAt, ...last };
  const waitMs = waitSec * 1000 * (1 + SPREAD * (2 * random() - 1));
  return { state: 'pending', dueAt: toTime(nowMs + Math.round(waitMs)), ...last };
}
