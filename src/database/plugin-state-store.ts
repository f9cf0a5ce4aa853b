import type { Kysely } from 'kysely';
import type { PluginStateStore } from '../plugin-host/plugin-state.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function pluginStateStore(db: Kysely<Tables>): PluginStateStore {
  return {
    async hostPlugins() {
      const rows = await db.selectFrom('hostPlugin').selectAll().orderBy('id').execute();
      return rows.map((row) => ({ ...row, isEnabled: row.isEnabled === 1 }));
    },

    saveHostPlugin: ({ id, isEnabled, approvedDigest }, entry) =>
      db.transaction().execute(async (tx) => {
        const said = { isEnabled: Number(isEnabled), approvedDigest };
        await tx
          .insertInto('hostPlugin')
          .values({ id, ...said })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(said))
          .execute();
        await appendAudit(tx, entry);
      }),

    stops: (org) =>
      db
        .selectFrom('bindingStop')
        .selectAll()
        .where('org', '=', org)
        .orderBy('scope')
        .orderBy('id')
        .execute(),

    stop: ({ change, at, ...place }, entry) =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto('bindingStop')
          .values({ ...place, change, at })
          .onConflict((conflict) =>
            conflict.columns(['org', 'scope', 'id']).doUpdateSet({ change, at }),
          )
          .execute();
        await appendAudit(tx, entry);
      }),

    resume: (org, { scope, id }, entry) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('bindingStop')
          .where('org', '=', org)
          .where('scope', '=', scope)
          .where('id', '=', id)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),
  };
}
