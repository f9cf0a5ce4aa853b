import { createHash } from 'node:crypto';
import { type Clock, toTime } from '../model/clock.ts';
import { networkOf } from './network.ts';

/** After how many wrong tries of a window one has to wait, and how long. */
export interface LockoutRule {
  /** From the first try. */
  windowSec: number;
  freeTries: number;
  firstLockSec: number;
  longestLockSec: number;
}

/** Whose tries are counted. */
export interface LockoutSubject {
  key: string;
  rule: LockoutRule;
}

/** In the database, so that a restart gives nobody new tries. */
export interface LockoutStore {
  /**
   * Counts a try of every subject, before anybody knows whether it is right: so those made at once
   * are counted too. Where one subject is locked it counts none, and answers till when.
   *
   * @returns the end of the lock, RFC 3339; undefined when the try may be made
   */
  take(subjects: readonly LockoutSubject[], at: string): Promise<string | undefined>;
  /** The try was right: forgets all of `keys`, and takes back the one of `sharedKey`. */
  settle(keys: readonly string[], sharedKey: string): Promise<void>;
  /** Those whose first try was before `startedBefore`; answers how many. */
  removeStarted(startedBefore: string): Promise<number>;
}

const lock = { firstLockSec: 30, longestLockSec: 900 };
/** About a hundred guesses a day. */
const PERSON_HERE: LockoutRule = { ...lock, windowSec: 86_400, freeTries: 5 };
/** More than one network gets: else a stranger could keep anybody out whose name they know. */
const PERSON: LockoutRule = { ...lock, windowSec: 86_400, freeTries: 200 };
/** Many people may share one. */
const NETWORK: LockoutRule = { ...lock, windowSec: 3_600, freeTries: 50 };

/**
 * Who is tried, from one network and from wherever. The name is hashed: people type their password
 * into that field.
 */
export function personSubjects(username: string, address: string | undefined): LockoutSubject[] {
  const key = `user:${createHash('sha256').update(username).digest('hex')}`;
  return [
    { key: `${key}@${networkOf(address)}`, rule: PERSON_HERE },
    { key, rule: PERSON },
  ];
}

export const networkSubject = (address: string | undefined): LockoutSubject => ({
  key: `address:${networkOf(address)}`,
  rule: NETWORK,
});

/** Milliseconds from the last of `tries` to the end of the lock that it brings; 0 for none. */
export function lockMsAfter(tries: number, rule: LockoutRule): number {
  const { freeTries, firstLockSec, longestLockSec } = rule;
  if (tries < freeTries) return 0;
  return Math.min(longestLockSec, firstLockSec * 2 ** (tries - freeTries)) * 1000;
}

/** What no window and no lock reaches any more is swept out by this. */
export const removeOldLockouts = (
  lockouts: Pick<LockoutStore, 'removeStarted'>,
  clock: Clock,
): Promise<number> =>
  lockouts.removeStarted(toTime(clock() - (PERSON.windowSec + lock.longestLockSec) * 1000));
