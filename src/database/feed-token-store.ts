import type { Kysely } from 'kysely';
import type { FeedSelector, FeedToken, FeedTokenStore } from '../identity/feed-token.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function feedTokenStore(db: Kysely<Tables>): FeedTokenStore {
  const feedTokens = db.selectFrom('feedToken').selectAll();

  return {
    async find(id) {
      const row = await feedTokens.where('id', '=', id).executeTakeFirst();
      return row && toToken(row);
    },

    async list(org, listing) {
      const page = await selectPage(db, feedTokens.where('org', '=', org), listing);
      return { items: page.items.map(toToken), totalItems: page.totalItems };
    },

    insert: (token, entry) =>
      db.transaction().execute(async (tx) => {
        const { selector, teams } = token;
        const json = { selector: JSON.stringify(selector), teams: JSON.stringify(teams) };
        await tx
          .insertInto('feedToken')
          .values({ ...token, ...json })
          .execute();
        await appendAudit(tx, entry);
      }),

    revoke: (org, id, at, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('feedToken')
          .set({ revokedAt: at })
          .where('id', '=', id)
          .where('org', '=', org)
          .where('revokedAt', 'is', null)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    async touch(id, at) {
      await db.updateTable('feedToken').set({ lastUsedAt: at }).where('id', '=', id).execute();
    },
  };
}

function toToken(row: Tables['feedToken']): FeedToken {
  const selector = JSON.parse(row.selector) as FeedSelector;
  return { ...row, selector, teams: JSON.parse(row.teams) as string[] };
}
