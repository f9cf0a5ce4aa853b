import type { Kysely } from 'kysely';
import type { TokenKeyStore } from '../identity/token-key.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function tokenKeyStore(db: Kysely<Tables>): TokenKeyStore {
  return {
    async list() {
      const rows = await db.selectFrom('tokenKey').selectAll().orderBy('sequence').execute();
      return rows.map((row) => ({ ...row, publicJwk: JSON.parse(row.publicJwk) }));
    },

    rotate: (key, entry) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('tokenKey')
          .values({ ...key, publicJwk: JSON.stringify(key.publicJwk) })
          .onConflict((conflict) => conflict.column('sequence').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        await tx
          .deleteFrom('tokenKey')
          .where('sequence', '<', key.sequence - 1)
          .execute();
        await tx
          .updateTable('tokenKey')
          .set({ wrappedPrivate: null })
          .where('sequence', '<', key.sequence)
          .execute();
        await appendAudit(tx, entry);
        return true;
      }),
  };
}
