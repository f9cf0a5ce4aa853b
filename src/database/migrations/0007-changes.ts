import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** Change requests and their reviews. */
export async function changes(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('change_request')
    .addColumn('org', text, owned)
    .addColumn('number', integer, (column) => column.notNull())
    .addColumn('title', text, (column) => column.notNull())
    .addColumn('description', text, (column) => column.notNull())
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('target', text, (column) => column.notNull())
    .addColumn('author', text, (column) => column.notNull())
    .addColumn('head', text, (column) => column.notNull())
    .addColumn('status', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('updated_at', text, (column) => column.notNull())
    .addColumn('merged_at', text)
    .addColumn('merge_commit', text)
    .addColumn('merge_base', text)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('pending', text)
    .addPrimaryKeyConstraint('change_request_key', ['org', 'number'])
    .execute();

  // Looked through after every push.
  await schema
    .createIndex('change_request_status')
    .on('change_request')
    .columns(['org', 'status'])
    .execute();

  await schema
    .createTable('change_review')
    .addColumn('org', text, (column) => column.notNull())
    .addColumn('number', integer, (column) => column.notNull())
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('reviewer', text, (column) => column.notNull())
    .addColumn('verdict', text, (column) => column.notNull())
    .addColumn('body', text, (column) => column.notNull())
    .addColumn('head', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('change_review_key', ['org', 'number', 'id'])
    .addForeignKeyConstraint(
      'change_review_request',
      ['org', 'number'],
      'change_request',
      ['org', 'number'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
}
