import type { SchemaModule } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';
import { owned } from '../column-types.ts';

/** What is to be done behind the scenes, and the registries that cannot be read. */
export async function jobs(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('job')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('org', text, (column) => column.references('org.slug').onDelete('cascade'))
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('payload', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('epoch', integer, (column) => column.notNull())
    .addColumn('failures', integer, (column) => column.notNull())
    .addColumn('run_at', text, (column) => column.notNull())
    .addColumn('next_run_at', text)
    .addColumn('locked_until', text)
    .addColumn('last_error', text)
    .addColumn('changed_at', text, (column) => column.notNull())
    .execute();
  await schema.createIndex('job_due').on('job').columns(['state', 'run_at']).execute();

  await schema
    .createTable('quarantine')
    .addColumn('org', text, (column) => owned(column).primaryKey())
    .addColumn('since', text, (column) => column.notNull())
    .addColumn('reason', text, (column) => column.notNull())
    .execute();
}
