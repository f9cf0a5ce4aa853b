import type { Digest, FileMode } from '../../src/model/digest.ts';
import { isPluginId } from '../../src/model/names.ts';
import type { KeyRole } from '../../src/signing/keys.ts';
import { Failure } from '../errors.ts';
import { readIfAny } from './files.ts';
import type { Project } from './project.ts';
import type { SettledState } from './states.ts';

/** One installed file. `digest`, `mode` and `size` are of the base: the bytes as delivered. */
export interface LockedFile {
  digest: Digest;
  mode: FileMode;
  size: number;
  /** The commit that last changed the object, or the plugin where the file is no object's. */
  versionId: string;
  state: SettledState;
  objectId?: string;
  /** Of `<file>.remote`, as long as a conflict is open. */
  remoteDigest?: Digest;
}

export interface LockedPlugin {
  version: string;
  seq: number;
  commit: string;
  release?: string;
  contentDigest: Digest;
  /** Of the signed manifest's bytes, kept under `.waymark/objects`. */
  manifest: Digest;
  /** The release role's signature over it. Base64. */
  signature: string;
  items: Readonly<Record<string, { digest: Digest; versionId: string }>>;
  files: Readonly<Record<string, LockedFile>>;
}

/** `waymark.lock`: what is installed here, to be committed with the project. */
export interface Lock {
  lockVersion: 1;
  org: string;
  orgUid: string;
  channel: string;
  /** Of the index that was last acted on. */
  sequence: number;
  rootVersion: number;
  /** Fingerprints by role. */
  keys: Readonly<Record<KeyRole, readonly string[]>>;
  target: string;
  /** Where the plugins' folders are, from the project's folder. */
  dir: string;
  /** Plugin → `*`, a semver range, or an exact version. */
  requested: Readonly<Record<string, string>>;
  plugins: Readonly<Record<string, LockedPlugin>>;
}

/** @throws {Failure} when it is damaged: it comes from version control, and so from anyone */
export async function readLock(project: Project): Promise<Lock | undefined> {
  const text = await readIfAny(project.lockPath);
  if (!text) return undefined;
  const lock = parseLock(text.toString());
  if (lock) return lock;
  throw new Failure(`${project.lockPath} cannot be read: restore it from version control`);
}

function parseLock(text: string): Lock | undefined {
  try {
    const lock = JSON.parse(text) as Lock;
    const ids = [...Object.keys(lock.requested), ...Object.keys(lock.plugins)];
    return lock.lockVersion === 1 && ids.every(isPluginId) ? lock : undefined;
  } catch {
    return undefined;
  }
}

/** Equal locks are equal bytes: members sorted, so that a diff shows only what changed. */
export function formatLock(lock: Lock): string {
  const sortMembers = (_name: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return `${JSON.stringify(lock, sortMembers, 2)}\n`;
}
