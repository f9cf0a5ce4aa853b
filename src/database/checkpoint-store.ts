import type { Kysely } from 'kysely';
import type { CheckpointStore } from '../audit/checkpoints.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function checkpointStore(db: Kysely<Tables>): CheckpointStore {
  const ofTenant = (tenant: string) =>
    db.selectFrom('auditCheckpoint').selectAll().where('tenant', '=', tenant);

  return {
    latest: (tenant) => ofTenant(tenant).orderBy('sequence', 'desc').limit(1).executeTakeFirst(),

    list: (tenant, listing) => selectPage(db, ofTenant(tenant), listing, { id: 'sequence' }),

    insert: (checkpoint, entry) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('auditCheckpoint')
          .values(checkpoint)
          .onConflict((conflict) => conflict.columns(['tenant', 'sequence']).doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        if (entry) await appendAudit(tx, entry);
        return true;
      }),
  };
}
