import type { Kysely } from 'kysely';
import type { Session, SessionStore } from '../identity/session.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function sessionStore(db: Kysely<Tables>): SessionStore {
  return {
    async find(id) {
      const row = await db
        .selectFrom('session')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst();
      return row && toSession(row);
    },

    insert: (session, entry, replacedId) =>
      db.transaction().execute(async (tx) => {
        if (replacedId !== undefined) {
          await tx.deleteFrom('session').where('id', '=', replacedId).execute();
        }
        await tx
          .insertInto('session')
          .values({ ...session, teams: JSON.stringify(session.teams) })
          .execute();
        await appendAudit(tx, entry);
      }),

    async touch(id, at) {
      await db.updateTable('session').set({ lastSeenAt: at }).where('id', '=', id).execute();
    },

    end: (id, entry) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('session')
          .where('id', '=', id)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    async removeExpired(at, seenBefore) {
      const { numDeletedRows } = await db
        .deleteFrom('session')
        .where((where) =>
          where.or([where('expiresAt', '<=', at), where('lastSeenAt', '<=', seenBefore)]),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

const toSession = (row: Tables['session']): Session => ({
  ...row,
  teams: JSON.parse(row.teams) as string[],
});
