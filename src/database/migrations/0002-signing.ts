import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** Orgs' key pairs and the signed root documents that name them. */
export async function signing(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('org_key')
    .addColumn('org', text, owned)
    .addColumn('fingerprint', text, (column) => column.notNull())
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('public_armored', text, (column) => column.notNull())
    .addColumn('wrapped_private', text)
    .addColumn('created_at', text, (column) => column.notNull())
    .addColumn('retired_at', text)
    .addPrimaryKeyConstraint('org_key_key', ['org', 'fingerprint'])
    .execute();

  await schema
    .createTable('root_document')
    .addColumn('org', text, owned)
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('body', text, (column) => column.notNull())
    .addColumn('signature', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('root_document_key', ['org', 'version'])
    .execute();
}
