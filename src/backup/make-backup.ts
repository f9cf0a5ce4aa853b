import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { publicationParts } from '../delivery/published.ts';
import { repositoryPath } from '../git/repository.ts';
import { bundleRepository, type RefList } from '../git/repository-bundle.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { MasterKey } from '../signing/master-key.ts';
import type { PassphraseSealed } from '../signing/passphrase.ts';
import type { DatabaseDump, DumpedRow } from './dump.ts';
import {
  ARTIFACTS,
  type ArchivedFile,
  bundlePath,
  FORMAT,
  MANIFEST,
  MASTER_KEY,
  type Manifest,
  SEAL,
  sealManifest,
  tablePath,
} from './manifest.ts';
import { Spool } from './spool.ts';

export interface BackupParts {
  dump: DatabaseDump;
  artifacts: ArtifactStore;
  dataDir: string;
  master: MasterKey;
  /** The master key itself, encrypted. */
  sealMasterKey(passphrase: string): Promise<PassphraseSealed>;
  clock: Clock;
}

/** What the database's rows say that lies elsewhere. */
interface Mentioned {
  orgs: string[];
  publications: string[];
  /** Artifacts that are whole by themselves. */
  documents: string[];
}

/**
 * Everything that a site is, as of one moment, as one archive. Nothing is sent before all of it
 * was read, so that what cannot be backed up is an error and not half an archive.
 *
 * @throws {WaymarkError} `REG_CORRUPT` naming the org whose repository cannot be read
 * @see docs/spec/backup.md
 */
export async function withBackup(
  parts: BackupParts,
  passphrase: string | undefined,
  send: (archive: Readable) => Promise<void>,
): Promise<void> {
  const spool = await Spool.open(parts.dataDir);
  try {
    // First: the refs then say at least as much as the rows, and what is more is replayed.
    const mentioned = await spoolDatabase(parts, spool);
    const repositories = await spoolRepositories(parts, spool, mentioned.orgs);
    await spool.write(ARTIFACTS, artifactLines(parts, mentioned));
    if (passphrase !== undefined) {
      const sealed = await parts.sealMasterKey(passphrase);
      await spool.write(MASTER_KEY, [JSON.stringify(sealed)]);
    }
    const createdAt = toTime(parts.clock());
    const { schema } = parts.dump;
    const { files } = spool;
    const manifest: Manifest = { format: FORMAT, createdAt, schema, repositories, files };
    await send(archiveOf(manifest, spool, parts.master));
  } finally {
    await spool.remove();
  }
}

async function spoolDatabase({ dump }: BackupParts, spool: Spool): Promise<Mentioned> {
  const mentioned: Mentioned = { orgs: [], publications: [], documents: [] };
  async function* lines(table: string, rows: AsyncIterable<DumpedRow>): AsyncGenerator<string> {
    for await (const row of rows) {
      note(mentioned, table, row);
      yield `${JSON.stringify(row)}\n`;
    }
  }
  await dump.read((table, rows) => spool.write(tablePath(table), lines(table, rows)));
  return mentioned;
}

function note({ orgs, publications, documents }: Mentioned, table: string, row: DumpedRow): void {
  if (table === 'org' && row['state'] === 'active') orgs.push(String(row['slug']));
  if (table === 'release') documents.push(String(row['recordDigest']));
  if (table !== 'activePointer' || row['digest'] === '') return;
  const names = row['channel'] === 'rolling' ? publications : documents;
  names.push(String(row['digest']));
}

async function spoolRepositories(
  { dataDir }: BackupParts,
  spool: Spool,
  orgs: readonly string[],
): Promise<Record<string, RefList>> {
  const repositories: Record<string, RefList> = {};
  for (const org of orgs) {
    const path = bundlePath(org);
    await mkdir(dirname(spool.pathOf(path)), { recursive: true });
    const refs = await bundleRepository(repositoryPath(dataDir, org), spool.pathOf(path)).catch(
      (cause: unknown) => {
        const message = `the repository of ${org} cannot be read: mend it, then back up again`;
        throw new WaymarkError('REG_CORRUPT', message, {}, { cause });
      },
    );
    repositories[org] = refs;
    if (Object.keys(refs).length > 0) await spool.add(path);
  }
  return repositories;
}

/**
 * What channels offered, and the documents that are served: with them a restored site answers the
 * same bytes at once. Contents are left out, since git holds them. So is what cannot be read: it
 * is made anew.
 */
async function* artifactLines(
  { artifacts }: BackupParts,
  { publications, documents }: Mentioned,
): AsyncGenerator<string> {
  const names = new Set(documents);
  for (const publication of publications) {
    const parts = await publicationParts(artifacts, publication).catch(() => []);
    for (const name of parts) names.add(name);
  }
  for (const name of names) {
    const bytes = await artifacts.read(name).catch(() => undefined);
    // They are JSON texts, which have no line breaks.
    if (bytes) yield `${bytes.toString()}\n`;
  }
}

function archiveOf(manifest: Manifest, spool: Spool, master: MasterKey): Readable {
  const tar = pack();
  const gzip = createGzip({ level: 1 });
  // A failure of either end reaches the reader, who reads the last.
  pipeline(tar, gzip).catch(() => {});
  packAll(tar, manifest, spool, master).catch((error: Error) => tar.destroy(error));
  return gzip;
}

async function packAll(
  tar: Pack,
  manifest: Manifest,
  spool: Spool,
  master: MasterKey,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const mtime = new Date(manifest.createdAt);
  tar.entry({ name: MANIFEST, mtime }, body);
  tar.entry({ name: SEAL, mtime }, sealManifest(body, master));
  for (const file of manifest.files) await packFile(tar, file, spool, mtime);
  tar.finalize();
}

async function packFile(
  tar: Pack,
  { path, size }: ArchivedFile,
  spool: Spool,
  mtime: Date,
): Promise<void> {
  const entry = tar.entry({ name: path, size, mtime, mode: 0o600 });
  await pipeline(createReadStream(spool.pathOf(path)), entry);
}
