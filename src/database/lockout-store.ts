import type { Kysely, Transaction } from 'kysely';
import { type LockoutStore, type LockoutSubject, lockMsAfter } from '../identity/lockout.ts';
import { toTime } from '../model/clock.ts';
import type { Tables } from './tables.ts';

export function lockoutStore(db: Kysely<Tables>): LockoutStore {
  return {
    take: (subjects, at) =>
      db
        .transaction()
        .execute(async (tx) => {
          // In one order, so that two transactions never wait for each other.
          const sorted = subjects.toSorted((a, b) => (a.key < b.key ? -1 : 1));
          for (const subject of sorted) await takeOne(tx, subject, at);
          return undefined;
        })
        .catch((error: unknown) => {
          if (error instanceof Locked) return error.until;
          throw error;
        }),

    settle: (keys, sharedKey) =>
      db.transaction().execute(async (tx) => {
        await tx
          .updateTable('lockout')
          // The only lock there can be is the one that this try brought: others let none be made.
          .set((row) => ({ tries: row('tries', '-', 1), lockedUntil: null }))
          .where('key', '=', sharedKey)
          .where('tries', '>', 0)
          .execute();
        // In the order that they are taken in: see there.
        for (const key of keys.toSorted()) {
          await tx.deleteFrom('lockout').where('key', '=', key).execute();
        }
      }),

    async removeStarted(startedBefore) {
      const { numDeletedRows } = await db
        .deleteFrom('lockout')
        .where('startedAt', '<', startedBefore)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

/** Rolls back what was counted before it. */
class Locked extends Error {
  readonly until: string;

  constructor(until: string) {
    super('locked');
    this.until = until;
  }
}

async function takeOne(
  tx: Transaction<Tables>,
  { key, rule }: LockoutSubject,
  at: string,
): Promise<void> {
  await tx
    .deleteFrom('lockout')
    .where('key', '=', key)
    .where('startedAt', '<=', toTime(Date.parse(at) - rule.windowSec * 1000))
    .where((where) => where.or([where('lockedUntil', 'is', null), where('lockedUntil', '<=', at)]))
    .execute();
  const { tries, lockedUntil } = await tx
    .insertInto('lockout')
    .values({ key, tries: 1, startedAt: at, lockedUntil: null })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((row) => ({ tries: row('lockout.tries', '+', 1) })),
    )
    .returning(['tries', 'lockedUntil'])
    .executeTakeFirstOrThrow();
  if (lockedUntil !== null && lockedUntil > at) throw new Locked(lockedUntil);
  const lockMs = lockMsAfter(tries, rule);
  if (lockMs === 0) return;
  const until = toTime(Date.parse(at) + lockMs);
  await tx.updateTable('lockout').set({ lockedUntil: until }).where('key', '=', key).execute();
}
