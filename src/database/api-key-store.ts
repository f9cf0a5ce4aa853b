import type { ExpressionBuilder, Kysely } from 'kysely';
import type { ApiKey, ApiKeyStore } from '../identity/api-key.ts';
import type { Permission, Role } from '../identity/roles.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function apiKeyStore(db: Kysely<Tables>): ApiKeyStore {
  return {
    async find(id) {
      const row = await db.selectFrom('apiKey').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toKey(row);
    },

    async list(org, listing, userId) {
      const ofOrg = db.selectFrom('apiKey').selectAll().where(belongsTo(org));
      const query = userId === undefined ? ofOrg : ofOrg.where('userId', '=', userId);
      const { items, totalItems } = await selectPage(db, query, listing);
      return { items: items.map(toKey), totalItems };
    },

    async listOfSite() {
      const rows = await db.selectFrom('apiKey').selectAll().where('org', 'is', null).execute();
      return rows.map(toKey);
    },

    insert: (key, entry) =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('apiKey').values(toRow(key)).execute();
        await appendAudit(tx, entry);
      }),

    revoke: (org, id, at, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('apiKey')
          .set({ revokedAt: at })
          .where('id', '=', id)
          .where(belongsTo(org))
          .where('revokedAt', 'is', null)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    async touch(id, at) {
      await db.updateTable('apiKey').set({ lastUsedAt: at }).where('id', '=', id).execute();
    },
  };
}

/** A site admin's key has a null org, which SQL's `=` never finds. */
function belongsTo(org: string | null) {
  return (where: ExpressionBuilder<Tables, 'apiKey'>) =>
    org === null ? where('org', 'is', null) : where('org', '=', org);
}

function toRow(key: ApiKey): Tables['apiKey'] {
  const lists = { teams: JSON.stringify(key.teams), roles: JSON.stringify(key.roles) };
  return { ...key, ...lists, scopes: key.scopes && JSON.stringify(key.scopes) };
}

function toKey(row: Tables['apiKey']): ApiKey {
  const teams = JSON.parse(row.teams) as string[];
  const scopes = row.scopes === null ? null : (JSON.parse(row.scopes) as Permission[]);
  return { ...row, teams, roles: JSON.parse(row.roles) as Role[], scopes };
}
