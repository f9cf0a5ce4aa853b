import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** What hooks hear of, who has heard it, and what webhooks still have to send. */
export async function pluginEvents(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('hook_event')
    .addColumn('org', text, owned)
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('type', text, (column) => column.notNull())
    .addColumn('at', text, (column) => column.notNull())
    .addColumn('plugins', text, (column) => column.notNull())
    .addColumn('environments', text, (column) => column.notNull())
    .addColumn('data', text, (column) => column.notNull())
    .addColumn('mark', text)
    .addColumn('settled_at', text)
    .addPrimaryKeyConstraint('hook_event_key', ['org', 'id'])
    // Rows without a mark are all different.
    .addUniqueConstraint('hook_event_mark', ['org', 'mark'])
    .execute();
  await schema
    .createIndex('hook_event_settled')
    .on('hook_event')
    .columns(['org', 'settled_at', 'id'])
    .execute();

  await schema
    .createTable('hook_delivery')
    .addColumn('org', text, (column) => column.notNull())
    .addColumn('event_id', text, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('binding', text, (column) => column.notNull())
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('at', text, (column) => column.notNull())
    .addColumn('duration_ms', integer, (column) => column.notNull())
    .addColumn('error', text)
    .addPrimaryKeyConstraint('hook_delivery_key', ['org', 'event_id', 'scope', 'binding'])
    .addForeignKeyConstraint(
      'hook_delivery_event',
      ['org', 'event_id'],
      'hook_event',
      ['org', 'id'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();

  await schema
    .createTable('outbox_message')
    .addColumn('org', text, owned)
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('binding', text, (column) => column.notNull())
    .addColumn('event_id', text, (column) => column.notNull())
    .addColumn('event', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('attempts', integer, (column) => column.notNull())
    .addColumn('due_at', text, (column) => column.notNull())
    .addColumn('changed_at', text, (column) => column.notNull())
    .addColumn('last_status', integer)
    .addColumn('last_error', text)
    .addPrimaryKeyConstraint('outbox_message_key', ['org', 'scope', 'binding', 'event_id'])
    .execute();
  await schema
    .createIndex('outbox_message_due')
    .on('outbox_message')
    .columns(['org', 'state', 'due_at'])
    .execute();

  await schema
    .createTable('outbox_suspension')
    .addColumn('org', text, owned)
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('binding', text, (column) => column.notNull())
    .addColumn('url_digest', text, (column) => column.notNull())
    .addColumn('since', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('outbox_suspension_key', ['org', 'scope', 'binding'])
    .execute();
}
