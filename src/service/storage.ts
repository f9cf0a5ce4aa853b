import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../audit/logger.ts';
import { removeSpools } from '../backup/spool.ts';
import { type Config, ConfigError, parseMasterKey } from '../config/config.ts';
import { keepSecret } from '../config/secret-file.ts';
import { createArtifactStore } from '../database/artifact-store.ts';
import { createBundleFiles } from '../database/bundle-files.ts';
import { databaseDump } from '../database/dump.ts';
import { openDatabase } from '../database/open.ts';
import { createStores } from '../database/stores.ts';
import { BundleCache } from '../delivery/bundle-cache.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Lookup } from '../outbound/guard.ts';
import { createMasterKey } from '../signing/master-key.ts';
import { sealByPassphrase } from '../signing/passphrase.ts';

/** What the process was given from outside: the one log, and what time it is. */
export interface Surroundings {
  log: Logger;
  clock: Clock;
  /** Of hosts that somebody outside has named; the system's resolver when not given. */
  lookup?: Lookup;
}

export type Storage = Awaited<ReturnType<typeof openStorage>>;

/** Everything that lasts: the database's stores, the artifacts, the sealed bundles, the master key. */
export async function openStorage(config: Config, { log, clock }: Surroundings) {
  const { dataDir, databaseUrl } = config;
  const rawMasterKey = await masterKeyOf(config);
  const master = createMasterKey(rawMasterKey);
  const database = await (databaseUrl === null
    ? openDatabase({ file: join(dataDir, 'waymark.db') })
    : openDatabase({ url: databaseUrl }).catch(nameSetting));
  const stores = createStores(database);
  const artifacts = await createArtifactStore(join(dataDir, 'artifacts'), {
    onUnreadable: (file) => log.warn({ file }, 'a damaged artifact segment is made anew'),
    clock,
  });
  const files = await createBundleFiles(join(dataDir, 'bundles'));
  const bundles = new BundleCache({ files, store: stores.sealed, master, clock });
  async function close(): Promise<void> {
    await artifacts.close();
    await database.close();
  }
  const sealMasterKey = (passphrase: string) => sealByPassphrase(rawMasterKey, passphrase);
  const dump = databaseDump(database.db);
  await removeSpools(dataDir);
  const backup = { dump, sealMasterKey, dataDir };
  return { stores, artifacts, bundles, master, backup, close };
}

/** PostgreSQL's: connection, credentials, no such database; and what a socket or a resolver says. */
const NOT_OPENED = /^(08|28|3D)|^E[A-Z]/;

/** Who starts a server can mend the address of its database, and that alone. */
function nameSetting(error: unknown): never {
  const cause = error instanceof WaymarkError ? error.cause : error;
  const { code = '' } = cause as { code?: string };
  if (!NOT_OPENED.test(code)) throw error;
  // Neither its host nor its user: there may be a password beside them.
  const message = `DATABASE_URL: the database cannot be opened (${code})`;
  throw new ConfigError(message, { cause: error });
}

async function masterKeyOf({ masterKey, dataDir }: Config): Promise<Buffer> {
  if (masterKey) return masterKey;
  const path = join(dataDir, 'master-key');
  return parseMasterKey(await keepSecret(path, randomBytes(32).toString('base64')), path);
}
