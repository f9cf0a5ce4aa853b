import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** What site admins have said of host plugins, and which bindings are off before git says so. */
export async function pluginState(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('host_plugin')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('is_enabled', integer, (column) => column.notNull())
    .addColumn('approved_digest', text)
    .execute();

  await schema
    .createTable('binding_stop')
    .addColumn('org', text, owned)
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('change', integer, (column) => column.notNull())
    .addColumn('at', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('binding_stop_key', ['org', 'scope', 'id'])
    .execute();
}
