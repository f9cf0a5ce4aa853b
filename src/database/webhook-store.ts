import type { Kysely } from 'kysely';
import type { WebhookStore } from '../mirror/webhook.ts';
import type { Tables } from './tables.ts';

export function webhookStore(db: Kysely<Tables>): WebhookStore {
  return {
    async remember(org, marks, expiresAt) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('webhookDelivery')
        .values(marks.map((mark) => ({ org, mark, expiresAt })))
        .onConflict((conflict) => conflict.columns(['org', 'mark']).doNothing())
        .executeTakeFirstOrThrow();
      return Number(numInsertedOrUpdatedRows) === marks.length;
    },

    async sweep(now) {
      const { numDeletedRows } = await db
        .deleteFrom('webhookDelivery')
        .where('expiresAt', '<=', now)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}
