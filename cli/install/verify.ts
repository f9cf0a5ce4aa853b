import { join } from 'node:path';
import { VerificationError } from '../errors.ts';
import type { ManifestFile } from '../trust/manifest.ts';
import { readRoot } from '../trust/root.ts';
import { type LocalFolder, openLocalFolder } from './local-folder.ts';
import type { Lock, LockedPlugin } from './lock.ts';
import { openObjects } from './objects.ts';
import type { Session } from './session.ts';
import { type FileIdentity, isSame, type SettledState } from './states.ts';
import { readStored } from './stored.ts';
import { installDirOf } from './targets.ts';

export interface FileFinding {
  plugin: string;
  path: string;
  /** What the file is now. */
  state: 'intact' | 'modified' | 'missing' | 'foreign';
  /** What the lock says: a change that it knows of is the user's, not damage. */
  locked: SettledState | undefined;
}

export interface VerifyResult {
  files: FileFinding[];
  /** Those that are neither as delivered nor known to be changed. */
  faults: FileFinding[];
}

/**
 * Compares what stands here with the signed manifests, without the network.
 *
 * @throws {VerificationError} when a manifest, or the lock's word on it, does not hold
 */
export async function verifyInstalled(session: Session): Promise<VerifyResult> {
  const { lock, project, state } = session;
  const files: FileFinding[] = [];
  const terms = {
    root: readRoot(state.root),
    layout: lock?.target ?? '',
    objects: openObjects(project),
  };
  for (const [plugin, locked] of Object.entries(lock?.plugins ?? {})) {
    const { manifest } = await readStored(plugin, locked, terms);
    checkLocked(plugin, locked, manifest.files);
    const local = await openLocalFolder(join(installDirOf(project, lock as Lock), plugin));
    for (const file of manifest.files) files.push(await inspect(plugin, file, locked, local));
    files.push(...foreignFiles(plugin, locked, local));
  }
  return { files, faults: files.filter(isFault) };
}

/** A lock file comes through many hands: it may not name other bytes than the manifest does. */
function checkLocked(
  plugin: string,
  { files }: LockedPlugin,
  signed: readonly ManifestFile[],
): void {
  for (const file of signed) {
    const known = files[file.path];
    const digest = known?.state === 'conflict' ? known.remoteDigest : known?.digest;
    if (digest === file.digest) continue;
    const message = `waymark.lock: ${plugin}/${file.path} is not what the signed manifest declares`;
    throw new VerificationError('DIGEST_MISMATCH', message);
  }
}

async function inspect(
  plugin: string,
  file: ManifestFile,
  { files }: LockedPlugin,
  local: LocalFolder | undefined,
): Promise<FileFinding> {
  const { path } = file;
  const state = stateOf(await local?.identify(path), file);
  return { plugin, path, state, locked: files[path]?.state };
}

function stateOf(local: FileIdentity | undefined, file: FileIdentity): FileFinding['state'] {
  if (!local) return 'missing';
  return isSame(local, file) ? 'intact' : 'modified';
}

function foreignFiles(
  plugin: string,
  { files }: LockedPlugin,
  local: LocalFolder | undefined,
): FileFinding[] {
  const own = [...(local?.paths ?? [])].filter((path) => !(path in files));
  return own.map((path) => ({ plugin, path, state: 'foreign', locked: undefined }));
}

const KNOWN_CHANGES: readonly (SettledState | undefined)[] = ['modified', 'conflict', 'suppressed'];

/** A file that someone added is reported, and no fault: it replaces nothing that was delivered. */
const isFault = ({ state, locked }: FileFinding): boolean =>
  (state === 'modified' || state === 'missing') && !KNOWN_CHANGES.includes(locked);
