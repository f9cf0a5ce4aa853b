import { type Kysely, sql, type Transaction } from 'kysely';
import { chainEntry } from '../audit/chain.ts';
import type { AuditEntry, AuditStore, ChainedEntry } from '../audit/entry.ts';
import { isPostgres } from './dialect.ts';
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
  const last = await tx
    .selectFrom('audit')
    .select(['sequence', 'hash'])
    .where('tenant', '=', entry.tenant)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { before, after, requestId = null, ...chained } = chainEntry(last, entry);
  await tx
    .insertInto('audit')
    .values({ ...chained, requestId, before: toText(before), after: toText(after) })
    .execute();
}

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
