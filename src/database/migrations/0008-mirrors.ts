import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** Mirrored orgs' upstreams, how following them goes, and what waits for a person. */
export async function mirrors(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('upstream')
    .addColumn('org', text, (column) => owned(column).primaryKey())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('branch', text, (column) => column.notNull())
    .addColumn('username', text)
    .addColumn('secret_ref', text)
    .addColumn('known_hosts', text)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('head', text)
    .addColumn('last_attempt_at', text)
    .addColumn('last_success_at', text)
    .addColumn('last_error', text)
    .execute();

  await schema
    .createTable('upstream_condition')
    .addColumn('org', text, owned)
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('ref', text, (column) => column.notNull())
    .addColumn('old', text, (column) => column.notNull())
    .addColumn('new', text, (column) => column.notNull())
    .addColumn('diagnostics', text, (column) => column.notNull())
    .addColumn('raised_at', text, (column) => column.notNull())
    .addColumn('accepted_at', text)
    .addColumn('accepted_by', text)
    .addPrimaryKeyConstraint('upstream_condition_key', ['org', 'id'])
    .execute();
}
