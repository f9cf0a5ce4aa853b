import type { Kysely, Transaction } from 'kysely';
import type { OrgStore } from '../identity/org.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function orgStore(db: Kysely<Tables>): OrgStore {
  return {
    find: (slug) => db.selectFrom('org').selectAll().where('slug', '=', slug).executeTakeFirst(),

    list: () => db.selectFrom('org').selectAll().orderBy('slug').execute(),

    page: (listing) => selectPage(db, db.selectFrom('org').selectAll(), listing, { id: 'slug' }),

    insert: (org, entry) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('org')
          .values(org)
          .onConflict((conflict) => conflict.column('slug').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    replace: ({ slug, name, tier, version }, expected, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('org')
          .set({ name, tier, version })
          .where('slug', '=', slug)
          .where('version', '=', expected)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    setState: (slug, state, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('org')
          .set({ state })
          .where('slug', '=', slug)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    remove: (slug, entry) =>
      db.transaction().execute(async (tx) => {
        await removePackets(tx, slug);
        const { numDeletedRows } = await tx
          .deleteFrom('org')
          .where('slug', '=', slug)
          .executeTakeFirstOrThrow();
        if (numDeletedRows > 0n) await appendAudit(tx, entry);
      }),
  };
}

/** They name a body and not an org, so no cascade reaches them. */
async function removePackets(tx: Transaction<Tables>, org: string): Promise<void> {
  await tx
    .deleteFrom('sealedPacket')
    .where('bodyDigest', 'in', (query) =>
      query.selectFrom('sealedBody').select('bodyDigest').where('org', '=', org),
    )
    .execute();
}
