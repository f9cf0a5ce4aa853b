import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** What server parts keep, and the secrets of their bindings. */
export async function pluginKv(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('plugin_value')
    .addColumn('org', text, owned)
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('plugin_id', text, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('binding', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('value', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('plugin_value_key', [
      'org',
      'source',
      'plugin_id',
      'scope',
      'binding',
      'key',
    ])
    .execute();

  await schema
    .createTable('binding_secret')
    .addColumn('org', text, owned)
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('binding', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('field', text, (column) => column.notNull())
    .addColumn('origins', text, (column) => column.notNull())
    .addColumn('wrapped', text, (column) => column.notNull())
    .addColumn('updated_at', text, (column) => column.notNull())
    .addColumn('updated_by', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('binding_secret_key', ['org', 'scope', 'binding', 'name'])
    .execute();
}
