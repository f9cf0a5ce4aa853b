import type { Kysely } from 'kysely';
import type { QuarantineStore } from '../delivery/quarantine.ts';
import { appendAudit } from './audit-store.ts';
import { holdsFence } from './job-store.ts';
import type { Tables } from './tables.ts';

export function quarantineStore(db: Kysely<Tables>): QuarantineStore {
  return {
    find: (org) =>
      db.selectFrom('quarantine').selectAll().where('org', '=', org).executeTakeFirst(),

    begin: (quarantine, run, entry) =>
      db.transaction().execute(async (tx) => {
        if (!(await holdsFence(tx, run))) return false;
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('quarantine')
          .values(quarantine)
          .onConflict((conflict) => conflict.column('org').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    end: (org, run, entry) =>
      db.transaction().execute(async (tx) => {
        if (!(await holdsFence(tx, run))) return false;
        const { numDeletedRows } = await tx
          .deleteFrom('quarantine')
          .where('org', '=', org)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),
  };
}
