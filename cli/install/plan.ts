import type { Digest, FileMode } from '../../src/model/digest.ts';
import type { Manifest } from '../trust/manifest.ts';
import type { LocalFolder } from './local-folder.ts';
import type { LockedFile, LockedPlugin } from './lock.ts';
import { type FileState, isSame, stateOf } from './states.ts';

/** What to do where the user and the publisher both changed a file. */
export type OnConflict = 'keep' | 'remote' | 'fail';

/** Where one file of the new folder comes from. */
export type Source =
  | { kind: 'object'; digest: Digest; mode: FileMode }
  | { kind: 'local'; from: string };

export interface PlannedFile {
  path: string;
  state: FileState;
  /** What happens to the file itself. */
  action: 'write' | 'delete' | 'keep';
}

/** A plugin's folder as it will be. */
export interface PluginPlan {
  plugin: string;
  /** Every file of the new folder, local ones included; empty to remove the folder. */
  folder: ReadonlyMap<string, Source>;
  /** False when the folder is as it should be. */
  isChange: boolean;
  files: readonly PlannedFile[];
  /** The lock's `files`; undefined when nothing stays installed. */
  locked: Readonly<Record<string, LockedFile>> | undefined;
}

export interface PlanTerms {
  plugin: string;
  base: LockedPlugin | undefined;
  local: LocalFolder | undefined;
  /** Undefined to uninstall. */
  remote: Manifest | undefined;
  onConflict: OnConflict;
}

/** Decides, file by file. Writes nothing; `collision` and `conflict` are the caller's to refuse. */
export async function planPlugin(terms: PlanTerms): Promise<PluginPlan> {
  const draft = startDraft(terms);
  // Without its folder it is not installed, rather than deleted file by file.
  const base = terms.local ? (terms.base?.files ?? {}) : {};
  const remote = new Map(terms.remote?.files.map((file) => [file.path, file]));
  const versions = new Map(
    terms.remote?.items.map((item) => [item.configObjectId, item.versionId]),
  );

  for (const path of new Set([...Object.keys(base), ...remote.keys()])) {
    const file = remote.get(path);
    const delivered = file && {
      ...file,
      versionId: versions.get(file.objectId ?? '') ?? terms.remote?.commit ?? '',
    };
    await placeFile(draft, { path, base: base[path], remote: delivered }, terms);
  }
  return finishDraft(draft, terms);
}

interface Draft {
  folder: Map<string, Source>;
  files: PlannedFile[];
  locked: Record<string, LockedFile>;
}

/** Whatever else the user keeps in the folder stays in it. */
function startDraft({ local }: PlanTerms): Draft {
  const own = [...(local?.paths ?? [])].map((path): [string, Source] => [
    path,
    { kind: 'local', from: path },
  ]);
  return { folder: new Map(own), files: [], locked: {} };
}

type Delivered = Omit<LockedFile, 'state'>;

interface ThreeFiles {
  path: string;
  base: LockedFile | undefined;
  remote: Delivered | undefined;
}

async function placeFile(draft: Draft, three: ThreeFiles, terms: PlanTerms): Promise<void> {
  const { path, base, remote } = three;
  const local = await terms.local?.identify(path);
  const isBlocked = !base && !local && terms.local !== undefined && hasObstacle(path, terms.local);
  const state = isBlocked ? 'collision' : stateOf({ base, local, remote });
  switch (state) {
    case 'updated':
      lock(draft, path, remote, state);
      return isSame(local, remote) ? note(draft, path, state) : write(draft, path, state, remote);
    case 'converged':
      if (base?.remoteDigest) draft.folder.delete(`${path}.remote`);
      lock(draft, path, remote, state);
      return note(draft, path, state);
    case 'modified':
    case 'suppressed':
      lock(draft, path, remote, state);
      return note(draft, path, state);
    case 'orphaned':
      lock(draft, path, base, state);
      return note(draft, path, state);
    case 'removed':
      return remove(draft, path);
    case 'collision':
      return placeCollision(draft, three, terms);
    case 'conflict':
      return placeConflict(draft, three, terms);
  }
}

/** A file stands where a folder must be, or the other way round. */
function hasObstacle(path: string, { paths }: LocalFolder): boolean {
  const segments = path.split('/');
  const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'));
  if (parents.some((parent) => paths.has(parent))) return true;
  return [...paths].some((known) => known.startsWith(`${path}/`));
}

function note(draft: Draft, path: string, state: FileState): void {
  draft.files.push({ path, state, action: 'keep' });
}

function write(draft: Draft, path: string, state: FileState, file: Delivered | undefined): void {
  const { digest, mode } = file ?? missing(path);
  draft.folder.set(path, { kind: 'object', digest, mode });
  draft.files.push({ path, state, action: 'write' });
}

function remove(draft: Draft, path: string): void {
  if (draft.folder.delete(path)) draft.files.push({ path, state: 'removed', action: 'delete' });
}

function lock(
  draft: Draft,
  path: string,
  file: Delivered | undefined,
  state: LockedFile['state'],
  remoteDigest?: Digest,
): void {
  const { digest, mode, size, versionId, objectId } = file ?? missing(path);
  draft.locked[path] = {
    digest,
    mode,
    size,
    versionId,
    state,
    ...(objectId && { objectId }),
    ...(remoteDigest && { remoteDigest }),
  };
}

function missing(path: string): never {
  throw new Error(`${path} was decided on without being delivered`);
}

/** An unknown file is never written over unasked; asked, it is put aside. */
function placeCollision(draft: Draft, three: ThreeFiles, terms: PlanTerms): void {
  const { path } = three;
  const canBeMoved = terms.local?.paths.has(path);
  if (terms.onConflict === 'remote' && canBeMoved) takeRemote(draft, three);
  else note(draft, path, 'collision');
}

/**
 * The file as delivered is put beside the user's. Until they remove that copy,
 * or make the two equal, the conflict is open; then their file is a modified one.
 */
function placeConflict(draft: Draft, three: ThreeFiles, { onConflict }: PlanTerms): void {
  const { path, base, remote } = three;
  const remoteDigest = (remote ?? missing(path)).digest;
  const wasOffered = base?.remoteDigest === remoteDigest;
  const isSettled = wasOffered && !draft.folder.has(`${path}.remote`);
  if (onConflict === 'remote') {
    takeRemote(draft, three);
  } else if (isSettled) {
    lock(draft, path, remote, 'modified');
    note(draft, path, 'modified');
  } else {
    lock(draft, path, base, 'conflict', remoteDigest);
    note(draft, path, 'conflict');
    if (wasOffered) return;
    // An earlier offer is ours to replace; anything else of that name is the user's.
    if (!base?.remoteDigest) putAside(draft, `${path}.remote`);
    write(draft, `${path}.remote`, 'conflict', remote);
  }
}

/** Under the first free name: an earlier one that was put aside is the user's too. */
function putAside({ folder }: Draft, path: string): void {
  const own = folder.get(path);
  if (!own) return;
  let name = `${path}.local`;
  for (let n = 2; folder.has(name); n++) name = `${path}.local.${n}`;
  folder.set(name, own);
}

function takeRemote(draft: Draft, { path, base, remote }: ThreeFiles): void {
  putAside(draft, path);
  if (base?.remoteDigest) draft.folder.delete(`${path}.remote`);
  lock(draft, path, remote, 'updated');
  write(draft, path, 'updated', remote);
}

function finishDraft(draft: Draft, { plugin, remote, local }: PlanTerms): PluginPlan {
  const { folder, files, locked } = draft;
  const isTouched = [...folder].some(([path, source]) => !isSamePlace(path, source));
  const isChange = isTouched || folder.size !== (local?.paths.size ?? 0) || (!local && remote);
  // What an uninstall leaves behind is the user's own from now on.
  return { plugin, folder, files, isChange: Boolean(isChange), locked: remote && locked };
}

const isSamePlace = (path: string, source: Source): boolean =>
  source.kind === 'local' && source.from === path;
