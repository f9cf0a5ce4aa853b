import type { Kysely, Transaction } from 'kysely';
import type { KeyChange, KeyStore } from '../delivery/key-store.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function keyStore(db: Kysely<Tables>): KeyStore {
  return {
    keys: (org) =>
      db
        .selectFrom('orgKey')
        .selectAll()
        .where('org', '=', org)
        .orderBy('createdAt')
        .orderBy('fingerprint')
        .execute(),

    roots: (org) =>
      db.selectFrom('rootDocument').selectAll().where('org', '=', org).orderBy('version').execute(),

    rotate: (change, entry) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('rootDocument')
          .values(change.root)
          .onConflict((conflict) => conflict.columns(['org', 'version']).doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        await changeKeys(tx, change);
        await appendAudit(tx, entry);
        return true;
      }),

    exportPrivate: (org, fingerprint, entry) =>
      db.transaction().execute(async (tx) => {
        const key = await tx
          .selectFrom('orgKey')
          .select('wrappedPrivate')
          .where('org', '=', org)
          .where('fingerprint', '=', fingerprint)
          .executeTakeFirst();
        if (!key?.wrappedPrivate) return null;
        await appendAudit(tx, entry);
        return key.wrappedPrivate;
      }),
  };
}

async function changeKeys(
  tx: Transaction<Tables>,
  { org, add, retire, forget, at }: KeyChange,
): Promise<void> {
  if (add.length > 0) {
    await tx
      .insertInto('orgKey')
      .values([...add])
      .execute();
  }
  const keys = tx.updateTable('orgKey').where('org', '=', org);
  if (retire.length > 0) {
    await keys.set({ retiredAt: at }).where('fingerprint', 'in', retire).execute();
  }
  if (forget.length > 0) {
    await keys.set({ wrappedPrivate: null }).where('fingerprint', 'in', forget).execute();
  }
}
