import type { Kysely } from 'kysely';
import type { ProviderSettings } from '../mirror/provider/settings.ts';
import type {
  Condition,
  SyncFault,
  Upstream,
  UpstreamStore,
  WriteFault,
} from '../mirror/upstream.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { appendAudit } from './audit-store.ts';
import type { Tables } from './tables.ts';

export function upstreamStore(db: Kysely<Tables>): UpstreamStore {
  return {
    async find(org) {
      const row = await db
        .selectFrom('upstream')
        .selectAll()
        .where('org', '=', org)
        .executeTakeFirst();
      return row && toUpstream(row);
    },

    insert: ({ lastError, lastWriteError, provider, ...upstream }, entry) =>
      db.transaction().execute(async (tx) => {
        const texts = { provider: toText(provider), lastError: toText(lastError) };
        const row = { ...upstream, ...texts, lastWriteError: toText(lastWriteError) };
        await tx.insertInto('upstream').values(row).execute();
        await appendAudit(tx, entry);
      }),

    replace: (org, { provider, ...settings }, expected, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('upstream')
          .set({ ...settings, provider: toText(provider), version: expected + 1 })
          .where('org', '=', org)
          .where('version', '=', expected)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    async saveStatus(org, { lastError, ...status }) {
      const row = { ...status, lastError: toText(lastError) };
      await db.updateTable('upstream').set(row).where('org', '=', org).execute();
    },

    async saveWriteError(org, fault) {
      const row = { lastWriteError: toText(fault) };
      await db.updateTable('upstream').set(row).where('org', '=', org).execute();
    },

    async conditions(org) {
      const rows = await db
        .selectFrom('upstreamCondition')
        .selectAll()
        .where('org', '=', org)
        .orderBy('raisedAt')
        .orderBy('id')
        .execute();
      return rows.map(toCondition);
    },

    changeConditions: (org, { raise, clear, entries }) =>
      db.transaction().execute(async (tx) => {
        if (clear.length > 0) {
          await tx
            .deleteFrom('upstreamCondition')
            .where('org', '=', org)
            .where('id', 'in', [...clear])
            .execute();
        }
        if (raise.length > 0) {
          await tx.insertInto('upstreamCondition').values(raise.map(toRow)).execute();
        }
        for (const entry of entries) await appendAudit(tx, entry);
      }),

    accept: (org, id, { at, by }, entry) =>
      db.transaction().execute(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('upstreamCondition')
          .set({ acceptedAt: at, acceptedBy: by })
          .where('org', '=', org)
          .where('id', '=', id)
          .where('acceptedAt', 'is', null)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),
  };
}

const toText = (value: SyncFault | ProviderSettings | null): string | null =>
  value && JSON.stringify(value);

const fromText = <T>(text: string | null): T | null =>
  text === null ? null : (JSON.parse(text) as T);

const toUpstream = (row: Tables['upstream']): Upstream => ({
  ...row,
  provider: fromText<ProviderSettings>(row.provider),
  lastError: fromText<SyncFault>(row.lastError),
  lastWriteError: fromText<WriteFault>(row.lastWriteError),
});

function toRow(condition: Condition): Tables['upstreamCondition'] {
  return { ...condition, diagnostics: JSON.stringify(condition.diagnostics) };
}

function toCondition(row: Tables['upstreamCondition']): Condition {
  return { ...row, diagnostics: JSON.parse(row.diagnostics) as Diagnostic[] };
}
