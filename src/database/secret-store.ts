import type { Kysely } from 'kysely';
import type { SecretStore } from '../secrets/secret.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function secretStore(db: Kysely<Tables>): SecretStore {
  return {
    find: (org, name) =>
      db
        .selectFrom('secret')
        .selectAll()
        .where('org', '=', org)
        .where('name', '=', name)
        .executeTakeFirst(),

    list: (org, listing) =>
      selectPage(db, db.selectFrom('secret').selectAll().where('org', '=', org), listing, {
        id: 'name',
      }),

    put: (secret, entry) =>
      db.transaction().execute(async (tx) => {
        const { org: _org, name: _name, ...changes } = secret;
        await tx
          .insertInto('secret')
          .values(secret)
          .onConflict((conflict) => conflict.columns(['org', 'name']).doUpdateSet(changes))
          .execute();
        await appendAudit(tx, entry);
      }),

    remove: (org, name, entry) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('secret')
          .where('org', '=', org)
          .where('name', '=', name)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),
  };
}
