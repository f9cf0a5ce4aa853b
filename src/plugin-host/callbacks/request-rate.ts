import { LRUCache } from 'lru-cache';
import type { Clock } from '../../model/clock.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { CallRecord } from './call-records.ts';

const PER_MINUTE = 60;
const MINUTE_MS = 60_000;
const MOST_BINDINGS = 10_000;

/**
 * Counts what each binding sends, over any 60 seconds.
 *
 * @throws {WaymarkError} `RATE_LIMITED`
 */
export function createRequestRate(clock: Clock): (record: CallRecord) => void {
  const sent = new LRUCache<string, number[]>({ max: MOST_BINDINGS });

  return ({ guest, binding }) => {
    const key = JSON.stringify([guest.org, guest.manifest.id, binding.scope, binding.id]);
    const now = clock();
    const recent = (sent.get(key) ?? []).filter((at) => at > now - MINUTE_MS);
    if (recent.length >= PER_MINUTE) {
      const retryAfterSec = Math.ceil((recent[0]! + MINUTE_MS - now) / 1000);
      const message = `a binding sends at most ${PER_MINUTE} requests a minute`;
      throw new WaymarkError('RATE_LIMITED', message, { details: { retryAfterSec } });
    }
    sent.set(key, [...recent, now]);
  };
}
