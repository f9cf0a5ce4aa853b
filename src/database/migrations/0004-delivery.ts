import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** Clients, their reports, and the bodies that were sealed for them. */
export async function delivery(
  schema: SchemaModule,
  { text, bytes, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('client')
    .addColumn('org', text, owned)
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('labels', text, (column) => column.notNull())
    .addColumn('public_key', text)
    .addColumn('key_fingerprint', text)
    .addColumn('channel', text)
    .addColumn('environment', text)
    .addColumn('token_hash', text, (column) => column.notNull().unique())
    .addColumn('enrolled_by', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('revoked_at', text)
    .addColumn('version', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('client_key', ['org', 'id'])
    .execute();

  await schema
    .createTable('client_state')
    .addColumn('org', text, (column) => column.notNull())
    .addColumn('client_id', text, (column) => column.notNull())
    .addColumn('report', text, (column) => column.notNull())
    .addColumn('reported_at', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('client_state_key', ['org', 'client_id'])
    .addForeignKeyConstraint(
      'client_state_client',
      ['org', 'client_id'],
      'client',
      ['org', 'id'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();

  await schema
    .createTable('sealed_body')
    .addColumn('org', text, owned)
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('body_digest', text, (column) => column.notNull())
    .addColumn('size', integer, (column) => column.notNull())
    .addColumn('wrapped_key', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('sealed_body_key', ['org', 'key'])
    .execute();

  await schema
    .createTable('sealed_packet')
    .addColumn('body_digest', text, (column) => column.notNull())
    .addColumn('subkey', text, (column) => column.notNull())
    .addColumn('packet', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('sealed_packet_key', ['body_digest', 'subkey'])
    .execute();
}
