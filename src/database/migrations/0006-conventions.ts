import type { SchemaModule } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** How much an org may ask, and the answers that a repeated request gets again. */
export async function conventions(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  // One column a statement: SQLite adds no two at once.
  await schema
    .alterTable('org')
    .addColumn('tier', text, (column) => column.notNull().defaultTo('standard'))
    .execute();
  await schema
    .alterTable('org')
    .addColumn('version', integer, (column) => column.notNull().defaultTo(1))
    .execute();

  await schema
    .createTable('kept_answer')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('org', text, (column) => column.references('org.slug').onDelete('cascade'))
    .addColumn('attempt', text, (column) => column.notNull())
    .addColumn('is_running', integer, (column) => column.notNull())
    .addColumn('sealed', text, (column) => column.notNull())
    .addColumn('expires_at', text, (column) => column.notNull())
    .execute();
  await schema
    .createIndex('kept_answer_expires_at')
    .on('kept_answer')
    .column('expires_at')
    .execute();
  await schema.createIndex('kept_answer_org').on('kept_answer').column('org').execute();
}
