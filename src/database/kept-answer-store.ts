import type { Kysely } from 'kysely';
import type { KeptAnswer, KeptAnswerStore } from '../identity/kept-answer.ts';
import type { Tables } from './tables.ts';

export function keptAnswerStore(db: Kysely<Tables>): KeptAnswerStore {
  return {
    begin: (kept, now) =>
      db.transaction().execute(async (tx) => {
        await tx
          .deleteFrom('keptAnswer')
          .where('id', '=', kept.id)
          .where('expiresAt', '<=', now)
          .execute();
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('keptAnswer')
          .values({ ...kept, isRunning: Number(kept.isRunning) })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows !== 0n) return undefined;
        const row = await tx
          .selectFrom('keptAnswer')
          .selectAll()
          .where('id', '=', kept.id)
          .executeTakeFirst();
        // One that was forgotten since is as good as one that runs: the caller asks again.
        return row ? toKept(row) : { ...kept, isRunning: true };
      }),

    async finish({ id, attempt, sealed, expiresAt }) {
      await db
        .updateTable('keptAnswer')
        .set({ isRunning: 0, sealed, expiresAt })
        .where('id', '=', id)
        .where('attempt', '=', attempt)
        .execute();
    },

    async forget(id, attempt) {
      await db
        .deleteFrom('keptAnswer')
        .where('id', '=', id)
        .where('attempt', '=', attempt)
        .execute();
    },

    async sweep(now) {
      const { numDeletedRows } = await db
        .deleteFrom('keptAnswer')
        .where('expiresAt', '<=', now)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

const toKept = (row: Tables['keptAnswer']): KeptAnswer => ({
  ...row,
  isRunning: row.isRunning === 1,
});
