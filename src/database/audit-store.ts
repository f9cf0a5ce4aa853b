import { type Kysely, sql, type Transaction } from 'kysely';
import type { AuditEntry, AuditStore, ChainedEntry } from '../audit/entry.ts';
import { chainEntry } from '../model/audit-chain.ts';
import { isPostgres } from './dialect.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

/**
 * Adds one entry to its tenant's chain. Call it last in a transaction: on
 * PostgreSQL it holds the chain's lock until the commit, and whoever takes that
 * lock before others can meet another in a deadlock.
 */
export async function appendAudit(tx: Transaction<Tables>, entry: AuditEntry): Promise<void> {
  if (isPostgres(tx)) {
    await sql`select pg_advisory_xact_lock(hashtextextended(${entry.tenant}, 0))`.execute(tx);
  }
  const last = await lastLink(tx, entry.tenant);
  const { before, after, requestId = null, ...chained } = chainEntry(last, entry);
  await tx
    .insertInto('audit')
    .values({ ...chained, requestId, before: toText(before), after: toText(after) })
    .execute();
}

const lastLink = (db: Kysely<Tables>, tenant: string) =>
  db
    .selectFrom('audit')
    .select(['sequence', 'hash'])
    .where('tenant', '=', tenant)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();

export function auditStore(db: Kysely<Tables>): AuditStore {
  return {
    async list(tenant, afterSequence, limit) {
      const rows = await db
        .selectFrom('audit')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('sequence', '>', afterSequence)
        .orderBy('sequence')
        .limit(limit)
        .execute();
      return rows.map(toEntry);
    },

    async page(tenant, listing) {
      const entries = db.selectFrom('audit').selectAll().where('tenant', '=', tenant);
      const { items, totalItems } = await selectPage(db, entries, listing, { id: 'sequence' });
      return { items: items.map(toEntry), totalItems };
    },

    head: (tenant) => lastLink(db, tenant),

    append: (entry) => db.transaction().execute((tx) => appendAudit(tx, entry)),

    async tells(tenant, resource, after) {
      const found = await db
        .selectFrom('audit')
        .select('sequence')
        .where('tenant', '=', tenant)
        .where('resource', '=', resource)
        .where('after', '=', JSON.stringify(after))
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
    },
  };
}

/** A field that was absent stays absent: null would hash differently. */
function toEntry({ before, after, requestId, ...row }: Tables['audit']): ChainedEntry {
  return {
    ...row,
    ...(before === null ? {} : { before: JSON.parse(before) as unknown }),
    ...(after === null ? {} : { after: JSON.parse(after) as unknown }),
    ...(requestId === null ? {} : { requestId }),
  };
}

function toText(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
