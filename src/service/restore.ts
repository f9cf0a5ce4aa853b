import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RestoreRefused } from '../backup/refused.ts';
import { type Restored, restoreBackup } from '../backup/restore.ts';
import type { Config } from '../config/config.ts';
import { holdDataDir } from '../config/data-dir.ts';
import { findSecret, keepSecret } from '../config/secret-file.ts';
import { createArtifactStore } from '../database/artifact-store.ts';
import { databaseRestore } from '../database/fill.ts';
import type { Clock } from '../model/clock.ts';

export interface RestoreOrder {
  file: string;
  passphraseFile: string | undefined;
}

const PREFIX = '.restoring-';

/**
 * Restores a backup into a data directory that is empty, and a database that is. All of it is
 * built beside where it belongs, so that a refusal leaves nothing behind.
 *
 * @throws {RestoreRefused}
 */
export async function restoreSite(
  config: Config,
  { file, passphraseFile }: RestoreOrder,
  clock: Clock,
): Promise<Restored> {
  const { dataDir, databaseUrl, masterKey } = config;
  await access(file).catch((cause: unknown) => {
    throw new RestoreRefused('usage', `${file} cannot be read`, { cause });
  });
  await holdDataDir(dataDir);
  await checkEmpty(dataDir);
  const staging = await mkdtemp(join(dataDir, PREFIX));
  try {
    const [unpackedDir, built] = [join(staging, 'unpacked'), join(staging, 'built')];
    await Promise.all([mkdir(unpackedDir), mkdir(built)]);
    const location =
      databaseUrl === null ? { file: join(built, 'waymark.db') } : { url: databaseUrl };
    const restored = await restoreBackup({
      file,
      unpackedDir,
      dataDir: built,
      database: databaseRestore(location),
      openArtifacts: () => createArtifactStore(join(built, 'artifacts'), {}),
      masterKey,
      passphrase: passphraseFile === undefined ? undefined : await findPassphrase(passphraseFile),
      nowMs: clock(),
    });
    const key = restored.masterKey;
    if (key) await keepSecret(join(built, 'master-key'), key.toString('base64'));
    for (const name of await readdir(built)) await rename(join(built, name), join(dataDir, name));
    return restored;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What an earlier try left, when it was killed, is no reason to refuse. */
async function checkEmpty(dataDir: string): Promise<void> {
  const names = await readdir(dataDir);
  const [first] = names.filter((name) => !name.startsWith(PREFIX));
  if (first !== undefined) {
    const message = `${dataDir} is not empty (${first}): restore into a new data directory`;
    throw new RestoreRefused('usage', message);
  }
  await Promise.all(names.map((name) => rm(join(dataDir, name), { recursive: true })));
}

async function findPassphrase(path: string): Promise<string> {
  const passphrase = await findSecret(path);
  if (passphrase) return passphrase;
  throw new RestoreRefused('usage', `${path} holds no passphrase`);
}
