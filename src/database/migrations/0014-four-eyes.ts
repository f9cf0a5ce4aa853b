import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** Who brought the commits that change requests are about. */
export async function fourEyes(schema: SchemaModule, { text }: ColumnTypes): Promise<void> {
  await schema
    .createTable('commit_author')
    .addColumn('org', text, owned)
    .addColumn('commit', text, (column) => column.notNull())
    .addColumn('actor', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('commit_author_key', ['org', 'commit', 'actor'])
    .execute();
}
