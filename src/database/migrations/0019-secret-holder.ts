import type { SchemaModule } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Which plugin a binding's secret was given to: one from before was given to none that is known. */
export async function secretHolder(schema: SchemaModule, { text }: ColumnTypes): Promise<void> {
  await schema
    .alterTable('binding_secret')
    .addColumn('plugin', text, (column) => column.notNull().defaultTo(''))
    .execute();
}
