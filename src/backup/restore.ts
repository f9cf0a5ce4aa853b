import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { repositoryPath } from '../git/repository.ts';
import { unbundleRepository } from '../git/repository-bundle.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { createMasterKey } from '../signing/master-key.ts';
import { openByPassphrase, type PassphraseSealed } from '../signing/passphrase.ts';
import type { DatabaseRestore, DumpedRow } from './dump.ts';
import {
  ARTIFACTS,
  bundlePath,
  checkSeal,
  MASTER_KEY,
  type Manifest,
  tablePath,
} from './manifest.ts';
import { RestoreRefused } from './refused.ts';
import { unpackArchive } from './unpack.ts';

export interface RestoreParts {
  /** The archive's path. */
  file: string;
  /** An empty folder, for what the archive holds. */
  unpackedDir: string;
  /** An empty folder, for what becomes the data directory. */
  dataDir: string;
  database: DatabaseRestore;
  openArtifacts: () => Promise<ArtifactStore & { close(): Promise<void> }>;
  /** The raw key as it is set; null: the backup's own. */
  masterKey: Buffer | null;
  passphrase: string | undefined;
  nowMs: number;
}

export interface Restored {
  manifest: Manifest;
  /** The backup's own, where it was used. */
  masterKey: Buffer | undefined;
}

/**
 * Builds a site from an archive. Whatever is wrong with that is found before the database is
 * touched; the folder is the caller's to put in place, or to throw away.
 *
 * @throws {RestoreRefused}
 */
export async function restoreBackup(parts: RestoreParts): Promise<Restored> {
  const { file, unpackedDir, database } = parts;
  const { manifest, body, seal } = await unpackArchive(file, unpackedDir);
  const masterKey = parts.masterKey ?? (await openMasterKey(parts));
  checkSeal(body, seal, createMasterKey(masterKey));
  if (!database.isKnown(manifest.schema)) {
    const message = `the backup is of a newer version (${manifest.schema}): restore it with that`;
    throw new RestoreRefused('usage', message);
  }
  await restoreRepositories(parts, manifest);
  await restoreArtifacts(parts);
  const isFilled = await database.fill(manifest.schema, (table) => rowsOf(parts, table));
  if (!isFilled)
    throw new RestoreRefused('usage', 'the database has tables already: give an empty one');
  return { manifest, masterKey: parts.masterKey ? undefined : masterKey };
}

async function openMasterKey({ unpackedDir, passphrase }: RestoreParts): Promise<Buffer> {
  const path = join(unpackedDir, MASTER_KEY);
  if (!existsSync(path)) {
    const how = 'set WAYMARK_MASTER_KEY or WAYMARK_MASTER_KEY_FILE';
    throw new RestoreRefused('usage', `the backup does not hold the master key: ${how}`);
  }
  if (passphrase === undefined) {
    throw new RestoreRefused(
      'usage',
      'the master key needs its passphrase: give --passphrase-file',
    );
  }
  const sealed = JSON.parse(await readFile(path, 'utf8')) as PassphraseSealed;
  const key = await openByPassphrase(sealed, passphrase).catch((cause: unknown) => {
    throw new RestoreRefused('usage', 'the passphrase does not open the master key', { cause });
  });
  return Buffer.from(key);
}

async function restoreRepositories(
  { unpackedDir, dataDir }: RestoreParts,
  { repositories }: Manifest,
): Promise<void> {
  for (const [org, refs] of Object.entries(repositories)) {
    const isEmpty = Object.keys(refs).length === 0;
    const bundle = isEmpty ? undefined : join(unpackedDir, bundlePath(org));
    const restored = await unbundleRepository(bundle, repositoryPath(dataDir, org)).catch(
      (cause: unknown) => {
        throw new RestoreRefused('damaged', `the repository of ${org} is not whole`, { cause });
      },
    );
    if (isDeepStrictEqual(restored, { ...refs })) continue;
    throw new RestoreRefused('damaged', `the repository of ${org} has other refs than it had`);
  }
}

const ARTIFACTS_AT_ONCE = 1000;

async function restoreArtifacts({ unpackedDir, openArtifacts }: RestoreParts): Promise<void> {
  const artifacts = await openArtifacts();
  try {
    let part: Buffer[] = [];
    for await (const line of linesOf(join(unpackedDir, ARTIFACTS))) {
      part.push(Buffer.from(line));
      if (part.length < ARTIFACTS_AT_ONCE) continue;
      await artifacts.write(part);
      part = [];
    }
    await artifacts.write(part);
  } finally {
    await artifacts.close();
  }
}

function rowsOf(
  { unpackedDir, nowMs }: RestoreParts,
  table: string,
): AsyncIterable<DumpedRow> | undefined {
  const path = join(unpackedDir, tablePath(table));
  if (!existsSync(path)) return undefined;
  return table === 'activePointer' ? raised(parsed(path), nowMs) : parsed(path);
}

async function* parsed(path: string): AsyncGenerator<DumpedRow> {
  for await (const line of linesOf(path)) yield JSON.parse(line) as DumpedRow;
}

/**
 * Clients have seen indexes since the backup, and refuse a lower one. A sequence is the time in
 * seconds, or little more, so those are below it by now.
 */
async function* raised(
  pointers: AsyncIterable<DumpedRow>,
  nowMs: number,
): AsyncGenerator<DumpedRow> {
  const nowSec = Math.floor(nowMs / 1000);
  for await (const pointer of pointers) {
    yield { ...pointer, sequence: Math.max(Number(pointer['sequence']) + 1, nowSec) };
  }
}

/** By line feeds alone: a JSON text may hold what else Unicode calls a line's end. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
