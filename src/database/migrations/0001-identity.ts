import type { SchemaModule } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Orgs, API keys, and the audit log, which outlives the org that it tells of. */
export async function identity(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('org')
    .addColumn('slug', text, (column) => column.primaryKey())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('uid', text, (column) => column.notNull())
    .addColumn('repo_uid', text, (column) => column.notNull())
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .execute();

  await schema
    .createTable('api_key')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('org', text, (column) => column.references('org.slug').onDelete('cascade'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('secret_hash', text, (column) => column.notNull())
    .addColumn('user', text)
    .addColumn('teams', text, (column) => column.notNull())
    .addColumn('roles', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('created_by', text, (column) => column.notNull())
    .addColumn('expires_at', text)
    .addColumn('revoked_at', text)
    .addColumn('last_used_at', text)
    .execute();
  await schema.createIndex('api_key_org').on('api_key').column('org').execute();

  await schema
    .createTable('audit')
    .addColumn('tenant', text, (column) => column.notNull())
    .addColumn('sequence', integer, (column) => column.notNull())
    .addColumn('at', text, (column) => column.notNull())
    .addColumn('actor', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('resource', text, (column) => column.notNull())
    .addColumn('before', text)
    .addColumn('after', text)
    .addColumn('request_id', text)
    .addColumn('previous_hash', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_key', ['tenant', 'sequence'])
    .execute();
}
