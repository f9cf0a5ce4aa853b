import type { Kysely } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { HISTORY, type IntegrationHealthStore } from '../plugin-host/integration-health.ts';
import type { Tables } from './tables.ts';

const SHOWN = ['at', 'status', 'latencyMs', 'message'] as const;

export function integrationHealthStore(db: Kysely<Tables>): IntegrationHealthStore {
  const notesOf = (org: string, integration: string) =>
    db
      .selectFrom('integrationHealth')
      .where('org', '=', org)
      .where('integration', '=', integration)
      .orderBy('id', 'desc');

  return {
    history: (org, integration) => notesOf(org, integration).select(SHOWN).limit(HISTORY).execute(),

    async latest(org) {
      const newest = db
        .selectFrom('integrationHealth')
        .where('org', '=', org)
        .groupBy('integration')
        .select((of) => of.fn.max('id').as('id'));
      const rows = await db
        .selectFrom('integrationHealth')
        .select(['integration', ...SHOWN])
        .where('org', '=', org)
        .where('id', 'in', newest)
        .execute();
      return new Map(rows.map(({ integration, ...note }) => [integration, note]));
    },

    async note(org, integration, note) {
      await db
        .insertInto('integrationHealth')
        .values({ org, integration, id: uuidv7(), ...note })
        .execute();
      const oldest = await notesOf(org, integration)
        .select('id')
        .offset(HISTORY - 1)
        .limit(1)
        .executeTakeFirst();
      if (!oldest) return;
      await db
        .deleteFrom('integrationHealth')
        .where('org', '=', org)
        .where('integration', '=', integration)
        .where('id', '<', oldest.id)
        .execute();
    },

    async forget(org, integration) {
      await db
        .deleteFrom('integrationHealth')
        .where('org', '=', org)
        .where('integration', '=', integration)
        .execute();
    },
  };
}
