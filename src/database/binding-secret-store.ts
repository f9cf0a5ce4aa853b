import type { Kysely } from 'kysely';
import type {
  BindingSecretStore,
  StoredBindingSecret,
} from '../plugin-host/callbacks/binding-secret.ts';
import type { BindingRef } from '../plugin-host/contract/wire.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function bindingSecretStore(db: Kysely<Tables>): BindingSecretStore {
  const of = (org: string, { scope, id }: BindingRef) =>
    db
      .selectFrom('bindingSecret')
      .selectAll()
      .where('org', '=', org)
      .where('scope', '=', scope)
      .where('binding', '=', id);

  return {
    async find(org, ref, name) {
      const row = await of(org, ref).where('name', '=', name).executeTakeFirst();
      return row && toSecret(row);
    },

    async list(org, ref) {
      return (await of(org, ref).orderBy('name').execute()).map(toSecret);
    },

    bindings: (org) =>
      db
        .selectFrom('bindingSecret')
        .select(['scope', 'binding as id'])
        .distinct()
        .where('org', '=', org)
        .execute(),

    put: (secrets, entry) =>
      db.transaction().execute(async (tx) => {
        for (const { origins, ...secret } of secrets) {
          const row = { ...secret, origins: JSON.stringify(origins) };
          const { org: _org, scope: _scope, binding: _binding, name: _name, ...changes } = row;
          await tx
            .insertInto('bindingSecret')
            .values(row)
            .onConflict((conflict) =>
              conflict.columns(['org', 'scope', 'binding', 'name']).doUpdateSet(changes),
            )
            .execute();
        }
        await appendAudit(tx, entry);
      }),

    remove: (org, { scope, id }, names, entry) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('bindingSecret')
          .where('org', '=', org)
          .where('scope', '=', scope)
          .where('binding', '=', id)
          .where('name', 'in', [...names])
          .executeTakeFirstOrThrow();
        if (numDeletedRows > 0n) await appendAudit(tx, entry);
      }),
  };
}

const toSecret = ({ origins, ...row }: Tables['bindingSecret']): StoredBindingSecret => ({
  ...row,
  origins: JSON.parse(origins) as string[],
});
