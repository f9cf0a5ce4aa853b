import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** What is served, the refs that are about to move, and the accepted releases. */
export async function publication(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('active_pointer')
    .addColumn('org', text, owned)
    .addColumn('channel', text, (column) => column.notNull())
    .addColumn('desired', text, (column) => column.notNull())
    .addColumn('active', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('sequence', integer, (column) => column.notNull())
    .addColumn('diagnostics', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('active_pointer_key', ['org', 'channel'])
    .execute();

  await schema
    .createTable('intent')
    .addColumn('op_id', text, (column) => column.primaryKey())
    .addColumn('org', text, owned)
    .addColumn('ref', text, (column) => column.notNull())
    .addColumn('old', text, (column) => column.notNull())
    .addColumn('new', text, (column) => column.notNull())
    .addColumn('actor', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('request_id', text)
    .execute();
  await schema.createIndex('intent_org').on('intent').column('org').execute();

  await schema
    .createTable('release')
    .addColumn('org', text, owned)
    .addColumn('tag', text, (column) => column.notNull())
    .addColumn('plugin', text, (column) => column.notNull())
    .addColumn('tag_oid', text, (column) => column.notNull())
    .addColumn('version', text, (column) => column.notNull())
    .addColumn('seq', integer, (column) => column.notNull())
    .addColumn('commit', text, (column) => column.notNull())
    .addColumn('tree', text, (column) => column.notNull())
    .addColumn('content_digest', text, (column) => column.notNull())
    .addColumn('published_at', text, (column) => column.notNull())
    .addColumn('published_by', text, (column) => column.notNull())
    .addColumn('notes', text, (column) => column.notNull())
    .addColumn('record_digest', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('release_key', ['org', 'tag', 'plugin'])
    .execute();
}
