import type { SchemaModule } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** What this site signs access tokens with. */
export async function tokens(schema: SchemaModule, { text, integer }: ColumnTypes): Promise<void> {
  await schema
    .createTable('token_key')
    .addColumn('sequence', integer, (column) => column.primaryKey())
    .addColumn('kid', text, (column) => column.notNull())
    .addColumn('public_jwk', text, (column) => column.notNull())
    .addColumn('wrapped_private', text)
    .addColumn('created_at', text, (column) => column.notNull())
    .execute();
}
