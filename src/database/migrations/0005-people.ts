import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** People, how they log in, what they are in each org, and the tokens of feeds. */
export async function people(schema: SchemaModule, types: ColumnTypes): Promise<void> {
  await users(schema, types);
  await logIns(schema, types);
  await feedTokens(schema, types);

  const { text } = types;
  await schema
    .alterTable('api_key')
    .addColumn('user_id', text, (column) => column.references('user.id').onDelete('set null'))
    .execute();
  await schema.alterTable('api_key').addColumn('scopes', text).execute();
  await schema.createIndex('api_key_user').on('api_key').column('user_id').execute();
}

async function users(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('user')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('username', text, (column) => column.notNull().unique())
    .addColumn('display_name', text, (column) => column.notNull())
    .addColumn('email', text)
    .addColumn('password_hash', text)
    .addColumn('is_site_admin', integer, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('disabled_at', text)
    .addColumn('version', integer, (column) => column.notNull())
    .execute();

  await schema
    .createTable('external_identity')
    .addColumn('issuer', text, (column) => column.notNull())
    .addColumn('subject', text, (column) => column.notNull())
    .addColumn('user_id', text, (column) =>
      column.notNull().references('user.id').onDelete('cascade'),
    )
    .addPrimaryKeyConstraint('external_identity_key', ['issuer', 'subject'])
    .execute();

  await schema
    .createTable('member')
    .addColumn('org', text, owned)
    .addColumn('user_id', text, (column) =>
      column.notNull().references('user.id').onDelete('cascade'),
    )
    .addColumn('roles', text, (column) => column.notNull())
    .addColumn('departments', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('member_key', ['org', 'user_id'])
    .execute();
  await schema.createIndex('member_user').on('member').column('user_id').execute();
}

async function logIns(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('session')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('user_id', text, (column) =>
      column.notNull().references('user.id').onDelete('cascade'),
    )
    .addColumn('secret_hash', text, (column) => column.notNull())
    .addColumn('org', text, (column) => column.references('org.slug').onDelete('set null'))
    .addColumn('teams', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('last_seen_at', text, (column) => column.notNull())
    .addColumn('expires_at', text, (column) => column.notNull())
    .execute();
  await schema.createIndex('session_user').on('session').column('user_id').execute();

  await schema
    .createTable('lockout')
    .addColumn('key', text, (column) => column.primaryKey())
    .addColumn('tries', integer, (column) => column.notNull())
    .addColumn('started_at', text, (column) => column.notNull())
    .addColumn('locked_until', text)
    .execute();
}

async function feedTokens(schema: SchemaModule, { text }: ColumnTypes): Promise<void> {
  await schema
    .createTable('feed_token')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('org', text, owned)
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('selector', text, (column) => column.notNull())
    .addColumn('teams', text, (column) => column.notNull())
    .addColumn('secret_hash', text, (column) => column.notNull())
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('created_by', text, (column) => column.notNull())
    .addColumn('revoked_at', text)
    .addColumn('last_used_at', text)
    .execute();
  await schema.createIndex('feed_token_org').on('feed_token').column('org').execute();
}
