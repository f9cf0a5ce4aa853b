import type { RefList } from '../git/repository-bundle.ts';
import { sha256Hex } from '../model/digest.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { RestoreRefused } from './refused.ts';

export const FORMAT = 1;

export interface ArchivedFile {
  path: string;
  /** Bytes. */
  size: number;
  /** Hex. */
  sha256: string;
}

/**
 * What is in a backup, and what it must be restored as.
 *
 * @see docs/spec/backup.md, "The archive"
 */
export interface Manifest {
  format: typeof FORMAT;
  createdAt: string;
  /** The newest migration of the database. */
  schema: string;
  /** Org → its refs, as they are in its bundle. */
  repositories: Readonly<Record<string, RefList>>;
  /** In their order behind the manifest and its seal. */
  files: readonly ArchivedFile[];
}

export const MANIFEST = 'manifest.json';
export const SEAL = 'manifest.seal';
export const MASTER_KEY = 'master-key.json';
export const ARTIFACTS = 'artifacts.ndjson';
export const tablePath = (table: string): string => `database/${table}.ndjson`;
export const bundlePath = (org: string): string => `repositories/${org}.bundle`;

const PATH =
  /^(database\/[A-Za-z]+\.ndjson|repositories\/[a-z0-9-]+\.bundle|[a-z-]+\.(json|ndjson|seal))$/;

/** Nothing else is ever written where an archive is unpacked. */
export const isArchivePath = (path: string): boolean => PATH.test(path);

const PLACE = 'backup/manifest';

/** Only who has the master key can make one, so nobody else can make a backup that is restored. */
export const sealManifest = (body: Uint8Array, master: MasterKey): string =>
  master.wrap(Buffer.from(sha256Hex(body)), PLACE);

/** @throws {RestoreRefused} */
export function checkSeal(body: Uint8Array, seal: string, master: MasterKey): void {
  let sealed: string;
  try {
    sealed = Buffer.from(master.unwrap(seal, PLACE)).toString();
  } catch (cause) {
    const message = 'the backup was made with another master key, or its seal was altered';
    throw new RestoreRefused('usage', message, { cause });
  }
  if (sealed === sha256Hex(body)) return;
  throw new RestoreRefused('damaged', 'the manifest is not the one that was sealed');
}

/** @throws {RestoreRefused} for another format; its seal says who wrote the rest of it */
export function parseManifest(body: Uint8Array): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(Buffer.from(body).toString()) as Manifest;
  } catch (cause) {
    throw new RestoreRefused('damaged', 'the manifest is not JSON', { cause });
  }
  if (manifest?.format === FORMAT) return manifest;
  const message = 'the backup has a format of its own: restore it with the version that made it';
  throw new RestoreRefused('usage', message);
}
