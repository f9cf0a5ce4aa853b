import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** How each integration was found, by an id that grows with time. */
export async function integrationHealth(
  schema: SchemaModule,
  { text, integer }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('integration_health')
    .addColumn('org', text, owned)
    .addColumn('integration', text, (column) => column.notNull())
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('at', text, (column) => column.notNull())
    .addColumn('status', text, (column) => column.notNull())
    .addColumn('latency_ms', integer, (column) => column.notNull())
    .addColumn('message', text)
    .addPrimaryKeyConstraint('integration_health_key', ['org', 'integration', 'id'])
    .execute();
}
