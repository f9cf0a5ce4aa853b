import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** What orgs trust the server with, wrapped by the master key. */
export async function secrets(schema: SchemaModule, { text }: ColumnTypes): Promise<void> {
  await schema
    .createTable('secret')
    .addColumn('org', text, owned)
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('wrapped', text, (column) => column.notNull())
    .addColumn('updated_at', text, (column) => column.notNull())
    .addColumn('updated_by', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('secret_key', ['org', 'name'])
    .execute();
}
