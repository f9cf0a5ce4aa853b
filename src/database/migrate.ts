import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { columnTypes } from './column-types.ts';
import type { DialectName } from './dialect.ts';
import { identity } from './migrations/0001-identity.ts';
import { signing } from './migrations/0002-signing.ts';
import { publication } from './migrations/0003-publication.ts';
import { delivery } from './migrations/0004-delivery.ts';
import { people } from './migrations/0005-people.ts';
import { conventions } from './migrations/0006-conventions.ts';
import { changes } from './migrations/0007-changes.ts';
import { mirrors } from './migrations/0008-mirrors.ts';
import { secrets } from './migrations/0009-secrets.ts';
import { jobs } from './migrations/0010-jobs.ts';
import { audit } from './migrations/0011-audit.ts';
import { tokens } from './migrations/0012-tokens.ts';
import { webhooks } from './migrations/0013-webhooks.ts';
import { fourEyes } from './migrations/0014-four-eyes.ts';
import { pluginKv } from './migrations/0015-plugin-kv.ts';
import { pluginEvents } from './migrations/0016-plugin-events.ts';
import { integrationHealth } from './migrations/0017-integration-health.ts';
import { pluginState } from './migrations/0018-plugin-state.ts';
import { secretHolder } from './migrations/0019-secret-holder.ts';
import type { Tables } from './tables.ts';

/** By name, in order. One that was ever released is not edited: add another. */
const migrations = {
  '0001-identity': identity,
  '0002-signing': signing,
  '0003-publication': publication,
  '0004-delivery': delivery,
  '0005-people': people,
  '0006-conventions': conventions,
  '0007-changes': changes,
  '0008-mirrors': mirrors,
  '0009-secrets': secrets,
  '0010-jobs': jobs,
  '0011-audit': audit,
  '0012-tokens': tokens,
  '0013-webhooks': webhooks,
  '0014-four-eyes': fourEyes,
  '0015-plugin-kv': pluginKv,
  '0016-plugin-events': pluginEvents,
  '0017-integration-health': integrationHealth,
  '0018-plugin-state': pluginState,
  '0019-secret-holder': secretHolder,
};

export const newestMigration = Object.keys(migrations).sort().at(-1)!;

export const isMigration = (name: string): boolean => Object.hasOwn(migrations, name);

/** Runs what is missing, in one transaction that only one process at a time gets into. */
export async function migrate(
  db: Kysely<Tables>,
  dialect: DialectName,
  upTo = newestMigration,
): Promise<void> {
  const types = columnTypes[dialect];
  const runnable: Record<string, Migration> = {};
  for (const [name, up] of Object.entries(migrations)) {
    runnable[name] = { up: (tx) => up(tx.schema, types) };
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => runnable } });
  const { error } = await migrator.migrateTo(upTo);
  // The migrator gives the error instead of throwing it.
  if (error instanceof Error) throw error;
}
