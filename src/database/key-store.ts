import type { Kysely } from 'kysely';
import type { KeyStore } from '../signing/keys.ts';
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

    rotate: ({ org, add, retire, at, root }) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('rootDocument')
          .values(root)
          .onConflict((conflict) => conflict.columns(['org', 'version']).doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;

        if (add.length > 0)
          await tx
            .insertInto('orgKey')
            .values([...add])
            .execute();
        if (retire.length > 0) {
          await tx
            .updateTable('orgKey')
            .set({ retiredAt: at })
            .where('org', '=', org)
            .where('fingerprint', 'in', retire)
            .execute();
        }
        return true;
      }),

    async forgetPrivate(org, fingerprint) {
      await db
        .updateTable('orgKey')
        .set({ wrappedPrivate: null })
        .where('org', '=', org)
        .where('fingerprint', '=', fingerprint)
        .execute();
    },
  };
}
