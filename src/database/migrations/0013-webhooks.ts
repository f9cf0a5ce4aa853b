import type { SchemaModule } from 'kysely';
import { type ColumnTypes, owned } from '../column-types.ts';

/** The services that upstreams live on, what they have sent, and their pull requests. */
export async function webhooks(schema: SchemaModule, { text }: ColumnTypes): Promise<void> {
  await schema.alterTable('upstream').addColumn('provider', text).execute();
  await schema.alterTable('upstream').addColumn('last_write_error', text).execute();

  await schema.alterTable('change_request').addColumn('url', text).execute();

  await schema
    .createTable('webhook_delivery')
    .addColumn('org', text, owned)
    .addColumn('mark', text, (column) => column.notNull())
    .addColumn('expires_at', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('webhook_delivery_key', ['org', 'mark'])
    .execute();
}
